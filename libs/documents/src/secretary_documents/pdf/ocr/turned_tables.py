"""Finds the tables of a recognised page that lies on its side or upside down."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pymupdf

from secretary_documents.pdf.layout.model import Box, Table, Word
from secretary_documents.pdf.layout.script import runs_to_left
from secretary_documents.pdf.mupdf.page import POINTS_PER_INCH
from secretary_documents.pdf.ocr.picture import PagePicture, draw
from secretary_documents.pdf.ocr.recognition import RecognisedLine, Recognition
from secretary_documents.pdf.ocr.scan_tables import tables_in

_UPSIDE_DOWN = 180


def tables_on(
    page: pymupdf.Page, picture: PagePicture, found: Recognition, max_pixels: int
) -> tuple[Table, ...]:
    """Return the tables of *page*, of which *found* is the text. Their rows follow the text.

    *picture* is the picture of *page*, which has at most *max_pixels*.
    """
    turned = turn_of(found)
    words = [Word(word.box, word.text) for word in found.words]
    if not turned:
        return tuple(tables_in(picture, words))
    upright = draw(page, max_pixels, turned=turned)
    points = pymupdf.Matrix(POINTS_PER_INCH / upright.dpi, POINTS_PER_INCH / upright.dpi)
    to_page = ~points * upright.to_page
    moved = [Word(_moved(word.box, ~to_page), word.text) for word in words]
    tables = tables_in(replace(upright, to_page=points), moved)
    return tuple(replace(table, box=_moved(table.box, to_page)) for table in tables)


def turn_of(found: Recognition) -> int:
    """Return by how many degrees most words of *found* are turned clockwise: 0, 90, 180 or 270."""
    votes: Counter[int] = Counter()
    for line in found.lines:
        if len(line.words) > 1:
            votes[_turn(line)] += len(line.words)
    turned = votes.most_common(1)[0][0] if votes else 0
    # Words of some scripts follow each other to the left on a page that is not turned.
    return 0 if turned == _UPSIDE_DOWN and runs_to_left(found.layout_lines()) else turned


def _turn(line: RecognisedLine) -> int:
    (left, top), (right, bottom) = line.words[0].box.middle, line.words[-1].box.middle
    across, down = right - left, bottom - top
    if abs(down) > abs(across):
        return 90 if down > 0 else 270
    return 0 if across >= 0 else _UPSIDE_DOWN


def _moved(box: Box, matrix: pymupdf.Matrix) -> Box:
    return Box(*(pymupdf.Rect(box) * matrix))
