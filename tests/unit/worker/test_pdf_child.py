"""What the child makes of pages that cannot be read."""

from pathlib import Path
from typing import Any

import pdf_samples
import pymupdf
import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.extract import child
from secretary_worker.extract.document import native_text


def request(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "sample.pdf"
    path.write_bytes(pdf_samples.text_pdf(["eins", "zwei", "drei"]))
    return {
        "path": str(path),
        "password": None,
        "max_pages": 10,
        "method": "native",
        "page_start": 1,
        "page_end": None,
    }


def break_pages(monkeypatch: pytest.MonkeyPatch, numbers: set[int], message: str) -> None:
    def read_or_fail(page: pymupdf.Page) -> str:
        if page.number + 1 in numbers:
            raise RuntimeError(message)
        return native_text(page)

    monkeypatch.setattr(child, "native_text", read_or_fail)


def test_a_damaged_page_costs_itself_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_pages(monkeypatch, {2}, "code=7: cannot parse")
    messages: list[dict[str, Any]] = []
    child.extract(request(tmp_path), messages.append)
    assert [message["page"] for message in messages[1:]] == [
        {"page": 1, "text": "eins", "method": "native"},
        {"page": 2, "text": "", "method": "native", "reason": "unreadable"},
        {"page": 3, "text": "drei", "method": "native"},
    ]


def test_a_document_without_one_readable_page_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_pages(monkeypatch, {1, 2, 3}, "code=7: cannot parse")
    with pytest.raises(PermanentError) as caught:
        child.extract(request(tmp_path), lambda _: None)
    assert caught.value.code == ErrorCode.PDF_INVALID


def test_memory_that_runs_out_is_not_taken_for_a_damaged_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_pages(monkeypatch, {2}, "code=2: realloc (320930208 bytes) failed")
    with pytest.raises(MemoryError):
        child.extract(request(tmp_path), lambda _: None)
