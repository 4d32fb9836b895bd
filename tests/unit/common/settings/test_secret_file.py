"""Each secret can be in a file, which ``<key>_file`` names."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from secretary_common.errors import ConfigurationError
from secretary_common.settings.secret_file import is_secret
from secretary_common.settings.settings import Settings, load_settings

PEPPER = "hunter2" * 4
FERNET = [Fernet.generate_key().decode() for _ in range(2)]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "hunter2" not in caught.value.message
    return caught.value.message


def test_every_secret_of_every_section_can_be_in_a_file() -> None:
    secrets = {
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key, one in getattr(field.annotation, "model_fields", {}).items()
        if is_secret(one)
    }
    assert secrets >= {
        "api.bootstrap_key",
        "api.pepper",
        "broker.management_url",
        "broker.url",
        "llm.api_key",
        "mistral.api_key",
        "mongo.url",
        "notifier.signing_secrets",
        "security.encryption_keys",
        "security.proxy_url",
        "transcription.api_key",
        "vision.api_key",
    }


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_line_ends_at_the_end_of_a_file_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    (tmp_path / "pepper").write_bytes(f"{PEPPER}{end}".encode())
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", str(tmp_path / "pepper"))
    assert load_settings(require=("api.pepper",)).api.pepper.get_secret_value() == PEPPER


def test_a_byte_order_mark_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pepper").write_text(PEPPER, encoding="utf-8-sig")
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", "pepper")
    assert load_settings().api.pepper.get_secret_value() == PEPPER


def test_a_list_has_one_value_on_each_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys").write_text("\n".join([*FERNET, ""]))
    monkeypatch.setenv("SECRETARY_SECURITY__ENCRYPTION_KEYS_FILE", "keys")
    keys = load_settings().security.encryption_keys
    assert [key.get_secret_value() for key in keys] == FERNET


def test_config_yaml_can_name_the_file_too(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mongodb://me:secret@db/?replicaSet=rs0\n")
    (tmp_path / "config.yaml").write_text("mongo: {url_file: url, database: other}")
    mongo = load_settings().mongo
    assert (mongo.url, mongo.database) == ("mongodb://me:secret@db/?replicaSet=rs0", "other")


def test_a_value_from_a_file_is_checked_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pepper").write_text("hunter2")
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", "pepper")
    assert refusal().startswith("api.pepper: ")


@pytest.mark.parametrize(
    "content", [None, b"\xff\xfe", b"x" * 70_000, "folder"], ids=["no", "bytes", "large", "folder"]
)
def test_a_file_that_cannot_be_read_is_named_with_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any
) -> None:
    path = tmp_path / "secret"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", str(path))
    message = refusal()
    assert "api: " in message
    assert "pepper_file: " in message
    assert str(path) in message


@pytest.mark.parametrize("in_yaml", [False, True])
def test_a_secret_in_both_forms_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_yaml: bool
) -> None:
    (tmp_path / "pepper").write_text(PEPPER)
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", "pepper")
    if in_yaml:
        (tmp_path / "config.yaml").write_text(f"api: {{pepper: {PEPPER}}}")
    else:
        monkeypatch.setenv("SECRETARY_API__PEPPER", PEPPER)
    assert "pepper and pepper_file are both set" in refusal()


def test_an_empty_form_counts_as_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pepper").write_text(PEPPER)
    monkeypatch.setenv("SECRETARY_API__PEPPER", "")
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", "pepper")
    assert load_settings().api.pepper.get_secret_value() == PEPPER
    monkeypatch.setenv("SECRETARY_API__PEPPER", PEPPER)
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", "")
    assert load_settings().api.pepper.get_secret_value() == PEPPER


def test_an_empty_file_is_an_empty_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pepper").touch()
    monkeypatch.setenv("SECRETARY_API__PEPPER_FILE", "pepper")
    with pytest.raises(ConfigurationError, match=r"api\.pepper is required.*SECRETARY_API__PEPPER"):
        load_settings(require=("api.pepper",))


@pytest.mark.parametrize("name", ["API__PORT_FILE", "API__HOST_FILE", "SECURITY__CA_FILE_FILE"])
def test_only_a_secret_has_a_second_form(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"SECRETARY_{name}", "x")
    assert "no such key" in refusal()
