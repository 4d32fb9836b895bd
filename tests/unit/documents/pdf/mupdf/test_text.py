"""Quick ways to read the text of a page."""

from collections.abc import Sequence

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import pdf_samples

from secretary_documents.pdf.mupdf.document import silence_mupdf
from secretary_documents.pdf.mupdf.text import (
    TEXT_FLAGS,
    small_text_blocks,
    styled_blocks,
    text_blocks,
)


def texts_of(blocks: Sequence[tuple[object, str]]) -> list[str]:
    return [text for _, text in blocks]


@given(
    st.lists(
        st.tuples(
            # A letter that begins at the right edge, or that the upper or lower edge cuts, is on
            # the page for one of them only.
            st.integers(-20, 594),
            st.integers(20, 830),
            st.text(st.characters(codec="latin-1"), min_size=1, max_size=30),
        ),
        max_size=8,
    )
)
def test_the_quick_blocks_of_a_page_have_the_text_of_the_slow_ones(
    lines: list[tuple[int, int, str]],
) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        for left, top, text in lines:
            page.insert_text((left, top), text)
        found = page.get_textpage(flags=TEXT_FLAGS)
        assert texts_of(text_blocks(found)) == texts_of(small_text_blocks(found))


@pytest.mark.parametrize(
    "pdf", [pdf_samples.report_pdf(), pdf_samples.mixed_pdf(), pdf_samples.text_pdf(["a", "", "b"])]
)
def test_the_quick_blocks_of_a_document_are_as_wide_as_the_slow_ones(pdf: bytes) -> None:
    with pymupdf.open(stream=pdf) as document:
        for page in document:
            found = page.get_textpage(flags=TEXT_FLAGS)
            quick, slow = text_blocks(found), small_text_blocks(found)
            assert texts_of(quick) == texts_of(slow)
            for (box, _), (small, _) in zip(quick, slow, strict=True):
                assert (box[0], box[2]) == pytest.approx((small[0], small[2]))


def styled_page(document: pymupdf.Document, *, turned: int = 0) -> pymupdf.Page:
    page = document.new_page()
    page.insert_text((72, 100), "Bericht", fontname="hebo", fontsize=18)
    page.insert_htmlbox(
        (72, 120, 400, 300),
        "Die <b>Sitzung</b> vom 3.<sup>a</sup> Mai war <i>kurz</i>, H<sub>2</sub>O.",
    )
    page.insert_text((72, 400), "Zum Schluss", fontname="cour", rotate=turned)
    return page


@pytest.mark.parametrize("turned", [0, 90])
def test_the_lowered_boxes_of_spans_are_those_of_pymupdf(turned: int) -> None:
    silence_mupdf()
    with pymupdf.open() as document:
        found = styled_page(document, turned=turned).get_textpage(flags=TEXT_FLAGS)
        wanted = [line for block in found.extractDICT()["blocks"] for line in block["lines"]]
        quick = [line for block in styled_blocks(found) for line in block["lines"]]
    assert len(quick) == len(wanted) == 3
    for one, other in zip(quick, wanted, strict=True):
        assert one["bbox"] == pytest.approx(other["bbox"], abs=1e-3)
        for span, same in zip(one["spans"], other["spans"], strict=True):
            assert (span["text"], span["font"]) == (same["text"], same["font"])
            assert span["bbox"] == pytest.approx(same["bbox"], abs=1e-3)
