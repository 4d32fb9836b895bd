"""The lines of a page that run to the left keep all words, in the order of reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.pdf.layout import source
from secretary_documents.pdf.layout.source import PageSource
from secretary_documents.pdf.layout.tables.text import rows_of_words, segments_of, text_of
from secretary_documents.pdf.mupdf.document import silence_mupdf

FONT = pymupdf.Font("helv")
SPAN = {"size": 10.0, "font": "Helvetica", "flags": 0, "bbox": (0, 0, 100, 10)}


def draw(page: pymupdf.Page, left: float, top: float, text: str) -> float:
    """Draw *text* from the left as it stands; return where it ends."""
    writer = pymupdf.TextWriter(page.rect)
    _, end = writer.append((left, top), text, font=FONT, fontsize=10)
    writer.write_text(page)
    return float(end.x)


def read(*runs: tuple[int, str]) -> PageSource:
    """Return a page with *runs* beside each other from the left, drawn in the order of numbers."""
    silence_mupdf()
    places, left = [], 72.0
    with pymupdf.open() as scratch:
        measured = scratch.new_page()
        for number, text in runs:
            places.append((number, left, text))
            left = draw(measured, left, 100, text)
    page = pymupdf.open().new_page()
    for _, start, text in sorted(places):
        draw(page, start, 100, text)
    return PageSource(page)


def lines_of(page: PageSource) -> list[str]:
    return [line.text for line in page.lines]


@pytest.mark.parametrize("sign", ".?!")
def test_a_line_to_the_left_that_ends_in_a_sign_keeps_its_words(sign: str) -> None:
    page = read((0, f"{sign}דואמ בוט םלוע םולש"))
    assert lines_of(page) == [f"שלום עולם טוב מאוד{sign}"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1)])
def test_a_line_to_the_left_is_the_same_in_each_order_of_the_file(order: Sequence[int]) -> None:
    texts = ("םוי לכ ", "Python 42", " דמול ינא")
    page = read(*zip(order, texts, strict=True))
    assert lines_of(page) == ["אני לומד Python 42 כל יום"]


def test_a_wide_space_divides_a_line_to_the_left_into_pieces_from_the_right() -> None:
    page = read((0, ".עבש"), (1, " " * 30), (2, "(שש) רפסמ"))
    assert lines_of(page) == ["מספר (שש)", "שבע."]


def test_the_words_of_a_cell_to_the_left_are_joined_in_the_order_of_reading() -> None:
    words = read((0, ".(הנבל) Python הרונמ")).words
    assert text_of(words) == "מנורה Python (לבנה)."
    [segment] = segments_of(rows_of_words(words)[0])
    assert segment.text == text_of(words)


LETTERS = st.lists(st.text("aבل1.(", min_size=1, max_size=3), min_size=1, max_size=6)


@given(
    text=st.text("ab בל1.", min_size=1, max_size=30).filter(str.strip),
    words=LETTERS,
    places=st.lists(st.floats(0, 400), min_size=6, max_size=6),
    turned=st.booleans(),
)
def test_the_pieces_of_a_line_have_all_its_letters_whatever_its_words(
    *, text: str, words: list[str], places: list[float], turned: bool
) -> None:
    found = [
        (left, 0.0, left + 5, 10.0, word, 0, 0, number)
        for number, (left, word) in enumerate(zip(places, words, strict=False))
    ]
    line = {"bbox": (0, 0, 400, 10), "dir": (1.0, 0.0), "spans": [{**SPAN, "text": text}]}
    for given_words in (found, []):
        pieces = source._divided(line, given_words, (), turned=turned)
        kept = Counter("".join(piece.text for piece in pieces).replace(" ", ""))
        assert kept == Counter(text.replace(" ", ""))
