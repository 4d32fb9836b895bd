"""Reads the plain text of a page with MuPDF. Runs in the child only.

Most pages have one column of text. For them the text in the order of the file is right, and the
layout of the page, which takes more time, is not made.
"""

from __future__ import annotations

import re
from itertools import pairwise

import pymupdf

from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.layout.script import is_right_to_left
from secretary_documents.pdf.layout.style import EDGE, DocumentStyle, running_key
from secretary_documents.pdf.mupdf import TEXT_FLAGS

# A first character without a meaning in the file is a bullet of a font for symbols.
_BULLET = re.compile(r"^\N{REPLACEMENT CHARACTER}(?=\s)", re.MULTILINE)
# A block with less height for each of its lines has lines side by side, such as the cells of a row.
_LEAST_PITCH = 6.0
# Fewer characters in each line are single letters of a vertical font, or the cells of a table.
_LEAST_CHARS = 4
# Blocks of one column overlap by at most this many points.
_OVERLAP = 3.0


class PlainPage:
    """The text of a page, in the order of the file."""

    def __init__(self, page: pymupdf.Page) -> None:
        found = page.get_textpage(flags=TEXT_FLAGS).extractBLOCKS()
        self._height = float(page.rect.height)
        self._blocks = [(Box(*block[:4]), str(block[4])) for block in found]
        self._text = "".join(text for _, text in self._blocks)

    def text(self) -> str:
        """Return the text of all blocks."""
        return _with_bullets(self._text).strip()

    def is_one_column(self) -> bool:
        """Return whether the blocks are below each other, and their lines too."""
        below = all(
            after.top >= before.bottom - _OVERLAP
            for (before, _), (after, _) in pairwise(self._blocks)
        )
        text = self._text
        if not text.isascii() and is_right_to_left(text):
            return False
        if len(text) < _LEAST_CHARS * text.count("\n"):
            return False
        return below and all(
            box.height >= _LEAST_PITCH * text.count("\n") for box, text in self._blocks
        )

    def without_running_lines(self, style: DocumentStyle) -> str:
        """Return the text without the running heads and feet of *style*, unless nothing is left."""
        if not style.running:
            return self.text()
        kept = [text for box, text in self._blocks if not self._is_running(box, text, style)]
        return _with_bullets("".join(kept)).strip() or self.text()

    def edge_keys(self) -> set[str]:
        """Return the blocks at the edges as ``style.running_key``; none if nothing is between."""
        edges = [(box, text) for box, text in self._blocks if self._is_edge(box)]
        if len(edges) == len(self._blocks):
            return set()
        return {running_key(text) for _, text in edges}

    def _is_edge(self, box: Box) -> bool:
        return box.bottom < EDGE * self._height or box.top > (1 - EDGE) * self._height

    def _is_running(self, box: Box, text: str, style: DocumentStyle) -> bool:
        return self._is_edge(box) and running_key(text) in style.running


def _with_bullets(text: str) -> str:
    return text if text.isascii() else _BULLET.sub("•", text)
