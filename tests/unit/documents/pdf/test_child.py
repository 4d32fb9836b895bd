"""How the child reports pages that cannot be read."""

from pathlib import Path
from typing import Any

import pymupdf
import pytest
from support import pdf_samples

from secretary_documents.pdf import child
from secretary_documents.pdf.layout.source import PageSource

OPEN = {"op": "open", "password": None, "max_pages": 10, "max_pixels": 10**7, "page_sec": 60}
READ = {"op": "read", "pages": [1, 2, 3], "method": "native", "output": "text"}


@pytest.fixture(autouse=True)
def _own_cpu_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the CPU limit of the process that runs the tests."""
    monkeypatch.setattr(child, "allow_cpu", lambda _: None)


def read(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "sample.pdf"
    path.write_bytes(pdf_samples.text_pdf(["eins", "zwei", "drei"]))
    messages: list[dict[str, Any]] = []
    work = child.begin([str(path)])
    work(OPEN, messages.append)
    work(READ, messages.append)
    return [message["page"] for message in messages[1:]]


def break_page(monkeypatch: pytest.MonkeyPatch, number: int, message: str) -> None:
    def read_or_fail(page: pymupdf.Page) -> PageSource:
        if page.number + 1 == number:
            raise RuntimeError(message)
        return PageSource(page)

    monkeypatch.setattr(child, "PageSource", read_or_fail)


def test_a_damaged_page_does_not_affect_other_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_page(monkeypatch, 2, "code=7: cannot parse")
    assert read(tmp_path) == [
        {"page": 1, "text": "eins", "method": "native"},
        {"page": 2, "text": "", "method": "native", "reason": "unreadable"},
        {"page": 3, "text": "drei", "method": "native"},
    ]


def test_a_failed_allocation_is_not_reported_as_a_damaged_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_page(monkeypatch, 2, "code=2: realloc (320930208 bytes) failed")
    with pytest.raises(MemoryError):
        read(tmp_path)


def test_a_page_whose_layout_fails_keeps_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise IndexError

    monkeypatch.setattr(child, "layout_of", fail)
    monkeypatch.setitem(READ, "output", "markdown")
    assert [page["text"] for page in read(tmp_path)] == ["eins", "zwei", "drei"]
