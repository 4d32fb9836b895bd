"""The font sizes of a layer of invisible text."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_documents.pdf.layout.model import Box, Word
from secretary_documents.pdf.searchable.layer_line import layer_lines


@dataclass(frozen=True)
class Line:
    """A recognised line."""

    words: tuple[Word, ...]


def paragraph(*heights: float, top: float = 100, letters: int = 40) -> list[Line]:
    """Return lines that are 14 points apart; each is as high as recognised."""
    return [
        Line((Word(Box(72, top + 14 * at, 300, top + 14 * at + height), "x" * letters),))
        for at, height in enumerate(heights)
    ]


def sizes(*paragraphs: list[Line]) -> list[float]:
    return [line.size for line in layer_lines(paragraphs)]


def test_the_lines_of_a_paragraph_have_one_size_in_which_they_stand_close() -> None:
    [size, *others] = sizes(paragraph(9.1, 10.2, 7.9, 9.5))
    assert others == [size] * 3
    assert 14 / 1.5 < size < 12


def test_paragraphs_of_about_the_same_size_have_that_of_most_letters() -> None:
    body, *_, note = sizes(paragraph(*[10.5] * 6), paragraph(*[9.5] * 3, top=300, letters=20))
    assert note == body
    *_, head = sizes(paragraph(*[10.5] * 6), paragraph(*[20.0] * 3, top=300))
    assert head > 1.5 * body


def test_a_label_is_as_high_as_it_was_recognised() -> None:
    assert sizes(paragraph(10.0, 10.0, 10.0), paragraph(10.0, top=300, letters=5))[-1] == 0
