"""Each link between the documents leads to a file and, after ``#``, to a place in it."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
MARK = re.compile(r'<a id="([^"]+)">')


def documents() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    for folder in ("docs", "bench", "examples", "tests"):
        yield from (ROOT / folder).rglob("*.md")
    yield from ROOT.glob("clients/*/README.md")


def places_in(text: str) -> set[str]:
    """Return what may follow ``#``: the headings as a forge writes them, and the marks."""
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", one) for one in HEADING.findall(text))
    slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in plain}
    return slugs | set(MARK.findall(text))


def is_broken(page: Path, link: str) -> bool:
    path, _, place = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return True
    return bool(place) and target.suffix == ".md" and place not in places_in(target.read_text())


def test_no_link_is_broken() -> None:
    broken = [
        (page.relative_to(ROOT).as_posix(), link)
        for page in documents()
        for link in LINK.findall(CODE.sub("", page.read_text()))
        if not re.match("[a-z]+:", link) and is_broken(page, link)
    ]
    assert broken == []
