"""Finding templates by name, and files that are never opened."""

import os
from pathlib import Path

import pytest
import yaml

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.templates.rendering import render
from secretary_documents.templates.template import MAX_TEMPLATE_BYTES, parse_template
from secretary_documents.templates.template_catalog import (
    SHIPPED,
    TemplateCatalog,
    candidates,
    shipped_templates,
)

NAMES = ["BlogPost", "ExtractSessionData", "MeetingMinutes", "Session", "Summary"]


@pytest.fixture
def user(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / f"{name}.md").write_text(f"{name}: {{{{what|It}}}}", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "language", "files"),
    [
        ("Session", None, ["Session", "Session_en"]),
        ("Session", "de", ["Session_de", "Session", "Session_en"]),
        ("Session", "en", ["Session_en", "Session"]),
        ("Session_de", None, ["Session_de", "Session", "Session_en"]),
        ("Session_de", "fr", ["Session_de_fr", "Session_de", "Session", "Session_en"]),
        (
            "Track_eco_social",
            "de",
            ["Track_eco_social_de", "Track_eco_social", "Track_eco_social_en"],
        ),
    ],
)
def test_the_requested_language_comes_first_and_other_files_follow(
    name: str, language: str | None, files: list[str]
) -> None:
    assert candidates(name, language) == files


def test_the_operators_folder_wins_over_shipped_templates_in_every_language(user: Path) -> None:
    folder = TemplateCatalog(user)
    assert folder.load("Session", "de").name == "Session_de"
    assert "Vortrag" in (SHIPPED / "Session_de.md").read_text()
    put(user, "Session", "Own_fr")
    assert folder.load("Session", "de").template.body[0] == "Session: "
    assert folder.load("Own", "fr").name == "Own_fr"
    assert folder.load("Summary", "fr").name == "Summary_en"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "..",
        "",
        "a.md",
        "x" * 65,
        "Session\n",
        "a\0b",
        "a b",
    ],
)
def test_a_path_is_not_a_name(user: Path, name: str) -> None:
    put(user.parent, "passwd")
    with pytest.raises(PermanentError) as caught:
        TemplateCatalog(user).load(name)
    assert caught.value.code == ErrorCode.TEMPLATE_NOT_FOUND


def test_the_error_for_an_unknown_template_lists_the_known_ones(user: Path) -> None:
    put(user, "Own_de")
    with pytest.raises(PermanentError, match=r"'Nope'.*BlogPost.*Own") as caught:
        TemplateCatalog(user).load("Nope", "de")
    assert caught.value.code == ErrorCode.TEMPLATE_NOT_FOUND


def refusal(folder: Path, name: str) -> str:
    with pytest.raises(PermanentError) as caught:
        TemplateCatalog(folder).load(name)
    assert caught.value.code == ErrorCode.TEMPLATE_INVALID
    assert f"template {name!r}" in caught.value.message
    return caught.value.message


def test_a_link_is_followed_only_inside_the_folder(user: Path) -> None:
    put(user.parent, "secret")
    (user / "Out.md").symlink_to(user.parent / "secret.md")
    (user / "Loop.md").symlink_to("Loop.md")
    (user / "..data").mkdir()
    put(user / "..data", "In")
    (user / "In.md").symlink_to("..data/In.md")
    assert "leads out" in refusal(user, "Out")
    assert "cannot be read" in refusal(user, "Loop")
    assert TemplateCatalog(user).load("In").template.fields[0].name == "what"


def test_an_unusable_file_is_refused_with_its_reason(user: Path) -> None:
    (user / "Huge.md").write_bytes(b"x" * (MAX_TEMPLATE_BYTES + 1))
    (user / "Latin.md").write_bytes("Käse".encode("latin-1"))
    (user / "Yaml.md").write_text("---\na: [\n---\n")
    (user / "Folder.md").mkdir()
    os.mkfifo(user / "Pipe.md")
    assert "at most 262144 bytes" in refusal(user, "Huge")
    assert "not UTF-8 at byte 1" in refusal(user, "Latin")
    assert "line 2: invalid YAML" in refusal(user, "Yaml")
    assert "is not a file" in refusal(user, "Folder")
    assert "is not a file" in refusal(user, "Pipe")


def test_the_listing_has_languages_and_fields_and_leaves_out_invalid_templates(
    user: Path,
) -> None:
    put(user, "Own", "Own_de", "Own_fr", "Summary_fr")
    (user / "Bad.md").write_text("{{a:nonsense|b}}")
    (user / "no template.md").write_text("x")
    listing = {info.name: info for info in TemplateCatalog(user).listing()}
    assert sorted(listing) == sorted([*NAMES, "Own"])
    assert listing["Own"].languages == ["de", "fr"]
    assert listing["Own"].fields[0].model_dump() == {
        "name": "what",
        "type": "text",
        "description": "It",
    }
    assert listing["Summary"].languages == ["de", "en", "fr"]


def test_a_missing_folder_hides_no_shipped_template(user: Path) -> None:
    assert [info.name for info in TemplateCatalog(user / "gone").listing()] == NAMES


def test_shipped_templates_exist_in_english_and_german_with_the_same_fields() -> None:
    shipped = shipped_templates()
    assert [info.name for info in shipped] == NAMES
    for info in shipped:
        assert info.languages == ["de", "en"]
        english, german = (TemplateCatalog().load(info.name, one).template for one in ("en", "de"))
        assert [(one.name, one.type) for one in english.fields] == [
            (one.name, one.type) for one in german.fields
        ]
        assert english.system
        assert german.system


@pytest.mark.parametrize("path", sorted(SHIPPED.iterdir()), ids=lambda path: path.name)
def test_every_shipped_template_is_valid_without_any_value(path: Path) -> None:
    text = render(parse_template(path.read_text(encoding="utf-8")), {}, {}).text
    _, front, body = text.split("---\n", 2)
    assert isinstance(yaml.safe_load(front), dict)
    assert "{{" not in body
