"""Puts the words of a table into rows, segments and cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from secretary_documents.pdf.layout.model import Box, Word, hull
from secretary_documents.pdf.layout.script import is_right_to_left

# Words stay together if the space between them is at most this share of their height.
_WORD_SPACE = 0.62


@dataclass(frozen=True, slots=True)
class Segment:
    """Words of a row without a wide space between them."""

    box: Box
    text: str
    words: tuple[Word, ...]


def segment_of(words: Sequence[Word]) -> Segment:
    """Return *words* as one segment."""
    return Segment(hull(word.box for word in words), _joined(words), tuple(words))


def rows_of_words(words: Iterable[Word]) -> list[list[Word]]:
    """Return *words* as rows from the top, each from the left."""
    rows: list[list[Word]] = []
    middle = 0.0
    for word in sorted(words, key=lambda word: word.box.middle[1]):
        if rows and abs(word.box.middle[1] - middle) < 0.5 * word.box.height:
            rows[-1].append(word)
        else:
            rows.append([word])
            middle = word.box.middle[1]
    return [sorted(row, key=lambda word: word.box.left) for row in rows]


def segments_of(row: Sequence[Word]) -> list[Segment]:
    """Return the words of a row as segments."""
    height = median(word.box.height for word in row)
    groups: list[list[Word]] = []
    for word in row:
        if groups and word.box.left - groups[-1][-1].box.right <= _WORD_SPACE * height:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [segment_of(group) for group in groups]


def _joined(row: Sequence[Word]) -> str:
    """Return the text of a *row* whose words are given from the left."""
    if any(is_right_to_left(word.text) for word in row):
        row = sorted(row, key=lambda word: word.place)
    return " ".join(word.text for word in row)


def text_of(words: Iterable[Word]) -> str:
    """Return *words* as one line of text, row by row. Divided words become one word."""
    text = ""
    for row in rows_of_words(words):
        line = _joined(row)
        if text.endswith(("-", "\N{HYPHEN}")) and text[-2:-1].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    return text


def is_number(text: str) -> bool:
    """Return whether *text* is mostly digits and signs, or a mark for no value."""
    found = [char for char in text if not char.isspace()]
    digits = sum(char.isdigit() or char in "+-\u2013\u2014\u2212.,%()$€£±*/<>~" for char in found)
    return bool(found) and digits >= 0.6 * len(found)
