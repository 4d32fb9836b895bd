"""Page ranges with every method."""

from __future__ import annotations

from typing import Any

import pytest
from support import pdf_samples
from support.pdf_harness import PdfHarness, ScriptedReader, pages_of

from secretary_common.errors import ErrorCode, PermanentError

WORDS = ["eins", "zwei", "drei", "vier", "fünf"]
FIVE = pdf_samples.text_pdf(
    [f"Seite {word} von allen Seiten" for word in WORDS], box=pdf_samples.SLIP
)
LOCAL = ("native", "ocr", "combined")
REMOTE = ("mistral_ocr", "openai_vision")
METHODS = [*LOCAL, *REMOTE]


async def read(harness: PdfHarness, method: str, **given: Any) -> list[dict[str, Any]]:
    remote = {name: ScriptedReader(name) for name in REMOTE}
    done = await harness.read(
        FIVE, extraction_method=method, language=["deu"], remote=remote, **given
    )
    assert done.results is not None
    assert done.results["metadata"]["page_count"] == 5
    pages = pages_of(done)
    assert done.results["metadata"]["pages_processed"] == len(pages)
    for page in pages:
        assert f"--- Page {page['page']} ---\n{page['text']}" in done.results["extracted_text"]
    return pages


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ({"page_start": 2, "page_end": 3}, [2, 3]),
        ({"page_start": 5}, [5]),
        ({"page_end": 1}, [1]),
        ({"page_start": 4, "page_end": 99}, [4, 5]),
    ],
    ids=["both", "start", "end", "beyond"],
)
async def test_exactly_the_requested_pages_are_read(
    harness: PdfHarness, method: str, given: dict[str, int], numbers: list[int]
) -> None:
    pages = await read(harness, method, **given)
    assert [page["page"] for page in pages] == numbers
    for page in pages:
        wanted = WORDS[page["page"] - 1] if method in LOCAL else f"read {page['page']}"
        assert wanted in page["text"]


@pytest.mark.parametrize("method", METHODS)
async def test_a_start_beyond_the_document_is_refused(harness: PdfHarness, method: str) -> None:
    with pytest.raises(PermanentError, match=r"page_start is 6.*5 pages") as caught:
        await read(harness, method, page_start=6)
    assert caught.value.code == ErrorCode.VALIDATION_ERROR
