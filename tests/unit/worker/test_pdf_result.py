"""The shape of a pdf job's result."""

from secretary_worker.handlers.pdf_result import build_result, join_pages

PAGES = [
    {"page": 4, "text": "eins", "method": "native"},
    {"page": 5, "text": "", "method": "native", "reason": "unreadable"},
]
DOCUMENT = {"page_count": 9, "title": "T", "author": None, "sha256": "ab", "repaired": False}


def test_pages_are_joined_under_their_own_numbers() -> None:
    assert join_pages(PAGES) == "--- Page 4 ---\neins\n\n--- Page 5 ---\n"


def test_the_result_has_the_documented_fields_twice_and_no_deeper() -> None:
    result = build_result(DOCUMENT, PAGES, file_name="a.pdf", file_size=7, usage={"pages": 2})
    assert result.pop("structured_data") == result
    assert result == {
        "extracted_text": join_pages(PAGES),
        "metadata": {
            "page_count": 9,
            "title": "T",
            "author": None,
            "file_name": "a.pdf",
            "file_size": 7,
            "sha256": "ab",
            "pages_processed": 2,
            "text_contents": PAGES,
        },
        "usage": {"pages": 2},
    }
