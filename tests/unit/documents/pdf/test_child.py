"""How the child reports pages that cannot be read."""

from pathlib import Path
from typing import Any

import pymupdf
import pytest
from support import pdf_samples

from secretary_documents.pdf import child
from secretary_documents.pdf.layout.document_style import sample_style
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.method_choice import DrawingStats
from secretary_documents.pdf.ocr.recogniser import Recogniser
from secretary_documents.pdf.ocr_options import make_ocr_options

OPEN = {"op": "open", "password": None, "max_pages": 10, "max_pixels": 10**7, "page_sec": 60}
SAMPLE = pdf_samples.text_pdf(["eins", "zwei", "drei"])
READ = {"op": "read", "pages": [1, 2, 3], "method": "native", "output": "text"}


@pytest.fixture(autouse=True)
def _own_cpu_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the CPU limit of the process that runs the tests."""
    monkeypatch.setattr(child, "allow_cpu", lambda _: None)


def read(tmp_path: Path, content: bytes = SAMPLE) -> list[dict[str, Any]]:
    path = tmp_path / "sample.pdf"
    path.write_bytes(content)
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


def with_annotation(entries: str) -> bytes:
    """Return the sample with a link and an annotation with *entries* on the first page."""
    link = "<</Type/Annot/Subtype/Link/Rect[1 1 9 9]/A<</S/URI/URI(https://example.org)>>>>"
    odd = f"<</Type/Annot/Rect[10 10 90 90]{entries}>>"
    with pymupdf.open(stream=SAMPLE, filetype="pdf") as document:
        document.xref_set_key(document[0].xref, "Annots", f"[{link}{odd}]")
        return bytes(document.tobytes())


ODD_ANNOTATIONS = {
    "a name that is no text": "/Subtype/Square/NM<FEFFD800>",
    "a state that is no name": "/Subtype/Widget/FT/Btn/AS(on)",
}


@pytest.mark.parametrize("kind", ODD_ANNOTATIONS)
@pytest.mark.parametrize("output", ["text", "markdown", "json"])
def test_a_page_with_an_odd_annotation_keeps_its_text(
    kind: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READ, "output", output)
    first, *_ = read(tmp_path, with_annotation(ODD_ANNOTATIONS[kind]))
    assert "reason" not in first
    assert "eins" in first["text"]


@pytest.mark.parametrize("error", [ValueError, RuntimeError, SystemError, AssertionError])
def test_a_page_whose_links_or_drawing_cannot_be_read_keeps_its_text(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    for name in ("get_links", "get_bboxlog"):
        monkeypatch.setattr(pymupdf.Page, name, fail)
    for name, value in (("output", "markdown"), ("pictures", {"min_points": 20})):
        monkeypatch.setitem(READ, name, value)
    assert [page["text"] for page in read(tmp_path)] == ["eins", "zwei", "drei"]


def test_a_page_that_cannot_be_recognised_keeps_its_native_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("code=4: overly large image")

    monkeypatch.setattr(Recogniser, "read", fail)
    monkeypatch.setattr(child, "drawing_stats", lambda _: DrawingStats(image_cover=1.0, paths=0))
    ocr = make_ocr_options(["eng"], None, engine="tesseract").request()
    for name, value in (("method", "combined"), ("ocr", ocr)):
        monkeypatch.setitem(READ, name, value)
    assert [(page["text"], page["reason"]) for page in read(tmp_path)] == [
        (text, "nothing_recognised") for text in ("eins", "zwei", "drei")
    ]


def test_a_sampled_page_that_cannot_be_measured_does_not_count() -> None:
    def fail(page: pymupdf.Page) -> PageSource:
        if page.number == 1:
            raise IndexError
        return PageSource(page)

    with pymupdf.open(stream=SAMPLE, filetype="pdf") as document:
        assert sample_style(document, fail).body == sample_style(document).body
