"""Headings of recognised pages."""

from __future__ import annotations

from secretary_documents.pdf.layout.model import Box, Kind
from secretary_documents.pdf.ocr.heading import mark_headings
from secretary_documents.pdf.ocr.recognition import RecognisedLine, RecognisedWord, Recognition

PROSE = "the committee met to consider the plans for the library " * 3


def line(text: str, height: float = 10, sure: float = 0.9) -> RecognisedLine:
    return RecognisedLine(
        tuple(
            RecognisedWord(Box(72 + 40 * at, 100, 110 + 40 * at, 100 + height), word, sure)
            for at, word in enumerate(text.split())
        )
    )


def levels(*lines: RecognisedLine) -> dict[str, int]:
    """Return the levels of the headings of a page on which each line is a paragraph."""
    found = Recognition(paragraphs=tuple((one,) for one in lines))
    blocks = found.blocks()
    mark_headings(blocks, found.parts())
    return {block.lines[0].text: block.level for block in blocks if block.kind is Kind.HEADING}


def test_a_page_without_text_has_no_heading() -> None:
    mark_headings([], [])


def test_higher_lines_than_the_text_are_headings_with_levels_by_height() -> None:
    page = (line("Plans", 20), line(PROSE), line("The library", 13), line(PROSE), line(PROSE))
    assert levels(*page) == {"Plans": 1, "The library": 2}


def test_numbers_capitals_and_usual_titles_show_headings_of_the_same_height() -> None:
    page = (
        line("2. Plans", 10),
        line(PROSE),
        line("3. The library", 11),
        line(PROSE),
        line("OPENING HOURS", 9.5),
        line(PROSE),
        line("References", 10),
    )
    assert set(levels(*page)) == {"2. Plans", "3. The library", "OPENING HOURS", "References"}
    assert levels(*page)["2. Plans"] == levels(*page)["3. The library"]


def test_sentences_captions_labels_and_doubtful_words_are_no_headings() -> None:
    page = (
        line("They met on Monday.", 20),
        line("Figure 2: The library", 20),
        line("Noise", 20, sure=0.4),
        line(PROSE),
        line("OFTEN", 10),
        line("RARELY", 10),
        line(PROSE),
    )
    assert levels(*page[:5], page[5]) == {}


def test_a_page_with_few_letters_has_no_headings() -> None:
    assert levels(line("Ticket", 30), line("number twelve", 10)) == {}
