"""The shape of a pdf job's result."""

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.handlers.pdf.result import FileFacts, PdfExtract, check_readable
from secretary_documents.handlers.pdf.template import TransformedText
from secretary_documents.pdf.opened import Facts
from secretary_documents.pdf.page import Page

PAGES = [
    Page(4, "eins", "native"),
    Page(5, "", "native", reason="unreadable"),
    Page(6, "drei", "ocr", reason="scan", confidence=0.93),
]
TEXT = "--- Page 4 ---\neins\n\n--- Page 5 ---\n\n\n--- Page 6 ---\ndrei"
FACTS = Facts(page_count=9, title="T", author=None, repaired=False)
EXTRACT = PdfExtract(FACTS, PAGES, FileFacts("a.pdf", 7, "ab"))


def test_the_result_has_the_documented_fields_twice_and_no_deeper() -> None:
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


def test_what_a_template_made_and_the_archive_stand_beside_the_text() -> None:
    made = TransformedText("# Minutes", {"title": "Minutes"}, {"name": "M", "sha256": "cd"})
    extract = PdfExtract(FACTS, PAGES, FileFacts("a.pdf", 7, "ab"), "job-1.zip", made)
    result = extract.result({})
    assert result["extracted_text"] == TEXT
    assert result["template"] == {"name": "M", "sha256": "cd", "text": "# Minutes"}
    assert result["template_fields"] == {"title": "Minutes"}
    assert result["images_archive_filename"] == "job-1.zip"


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["unreadable", "unreadable"], ErrorCode.PDF_INVALID),
        (["unreadable", "too_large"], ErrorCode.PDF_INVALID),
        (["too_large"], ErrorCode.PDF_PAGE_TOO_LARGE),
    ],
)
def test_a_document_without_one_readable_page_is_no_success(
    reasons: list[str], code: ErrorCode
) -> None:
    unreadable = [Page(number, "", "native", reason) for number, reason in enumerate(reasons, 1)]
    with pytest.raises(PermanentError) as caught:
        check_readable(unreadable)
    assert caught.value.code == code
    check_readable([*unreadable, Page(9, "", "native", reason="blank")])
