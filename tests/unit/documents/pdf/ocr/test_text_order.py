"""The order of recognised words in the layer of a searchable PDF."""

from __future__ import annotations

from secretary_documents.pdf.layout.model import Box, Cell, Table
from secretary_documents.pdf.ocr.recognition import (
    RecognisedLine,
    RecognisedWord,
    Recognition,
)
from secretary_documents.pdf.ocr.text_order import in_text_order


def line(top: float, *words: tuple[str, float]) -> RecognisedLine:
    """Return a line of words, each with its left side."""
    return RecognisedLine(
        tuple(
            RecognisedWord(Box(left, top, left + 30, top + 10), text, 0.9) for text, left in words
        )
    )


def texts(found: Recognition) -> list[list[str]]:
    return [[one.text for one in lines] for lines in in_text_order(found)]


def test_a_table_is_written_cell_by_cell_and_without_its_rules() -> None:
    first = line(100, ("Total", 72), ("|", 150), ("Party-", 200))
    second = line(112, ("number", 72), ("List", 200))
    last = line(124, ("7", 72), ("7", 200))
    cells = (
        Cell(0, 0, "Total number"),
        Cell(0, 1, "PartyList"),
        Cell(1, 0, "7"),
        Cell(1, 1, "7"),
    )
    table = Table(Box(60, 90, 300, 140), 2, 2, cells)
    found = Recognition(
        paragraphs=((line(50, ("Before", 72)), first, second, last, line(200, ("After", 72))),),
        tables=(table,),
    )
    cells_in_order = ["Total", "number", "Party-", "List", "7", "7"]
    assert texts(found) == [["Before"], cells_in_order, ["After"]]
    places = [one.words[0].box.left for one in in_text_order(found)[1]]
    assert places == [72, 72, 200, 200, 72, 200]


def test_text_without_tables_keeps_its_paragraphs() -> None:
    found = Recognition(
        paragraphs=((line(10, ("one", 72), ("two", 110)),), (line(30, ("three", 72)),))
    )
    assert texts(found) == [["one two"], ["three"]]


def test_a_line_that_crosses_the_side_of_a_table_keeps_the_words_outside_of_it() -> None:
    crossing = line(100, ("Party", 72), ("List", 200), ("see", 320), ("below", 360))
    mostly_outside = line(112, ("7", 72), ("a", 310), ("long", 350), ("remark", 400))
    cells = (Cell(0, 0, "Party"), Cell(0, 1, "List"), Cell(1, 0, "7"))
    table = Table(Box(60, 90, 300, 140), 2, 2, cells)
    found = Recognition(paragraphs=((crossing, mostly_outside),), tables=(table,))
    assert texts(found) == [["Party", "List", "7"], ["see below", "a long remark"]]
    assert found.text.split() == ["Party", "List", "7", "see", "below", "a", "long", "remark"]
