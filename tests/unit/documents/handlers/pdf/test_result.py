"""The shape of a pdf job's result."""

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.handlers.pdf.result import PdfExtract, PdfFile, check_readable
from secretary_documents.pdf.page import Page
from secretary_documents.pdf.sandboxed_document import DocumentInfo

PAGES = [
    Page(4, "eins", "native"),
    Page(5, "", "native", reason="unreadable"),
    Page(6, "drei", "ocr", reason="scan", confidence=0.93),
]
TEXT = "--- Page 4 ---\neins\n\n--- Page 5 ---\n\n\n--- Page 6 ---\ndrei"
DOCUMENT = DocumentInfo(page_count=9, title="T", author=None, repaired=False)
EXTRACT = PdfExtract(DOCUMENT, PAGES, PdfFile("a.pdf", 7, "ab"))


def test_structured_data_repeats_the_documented_fields_once() -> None:
    result = EXTRACT.result({"pages": 3})
    assert result.pop("structured_data") == result
    assert result == {
        "extracted_text": TEXT,
        "metadata": {
            "page_count": 9,
            "title": "T",
            "author": None,
            "file_name": "a.pdf",
            "file_size": 7,
            "sha256": "ab",
            "pages_processed": 3,
            "text_contents": [
                {"page": 4, "text": "eins", "method": "native"},
                {"page": 5, "text": "", "method": "native", "reason": "unreadable"},
                {
                    "page": 6,
                    "text": "drei",
                    "method": "ocr",
                    "reason": "scan",
                    "confidence": 0.93,
                },
            ],
        },
        "usage": {"pages": 3},
    }


def test_the_archive_and_the_other_parts_are_added_to_the_text() -> None:
    more = {"chunks": [], "template_fields": {"title": "Minutes"}}
    extract = PdfExtract(DOCUMENT, PAGES, PdfFile("a.pdf", 7, "ab"), "job-1.zip", more)
    result = extract.result({})
    assert result["extracted_text"] == TEXT
    assert result["images_archive_filename"] == "job-1.zip"
    assert result["chunks"] == []
    assert result["template_fields"] == {"title": "Minutes"}


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["unreadable", "unreadable"], ErrorCode.PDF_INVALID),
        (["unreadable", "too_large"], ErrorCode.PDF_INVALID),
        (["too_large"], ErrorCode.PDF_PAGE_TOO_LARGE),
    ],
)
def test_a_document_without_a_readable_page_fails(reasons: list[str], code: ErrorCode) -> None:
    unreadable = [Page(number, "", "native", reason) for number, reason in enumerate(reasons, 1)]
    with pytest.raises(PermanentError) as caught:
        check_readable(unreadable)
    assert caught.value.code == code
    check_readable([*unreadable, Page(9, "", "native", reason="blank")])
