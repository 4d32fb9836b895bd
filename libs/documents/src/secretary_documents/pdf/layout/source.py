"""Reads the lines, words and links of a page with MuPDF. Runs in the child only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pymupdf

from secretary_documents.pdf.layout.model import Box, Line, Span, Word, hull
from secretary_documents.pdf.layout.script import (
    is_right_to_left,
    join_letters,
    with_ligatures,
)
from secretary_documents.pdf.mupdf import TEXT_FLAGS

_BOLD, _MONO = pymupdf.TEXT_FONT_BOLD, pymupdf.TEXT_FONT_MONOSPACED
_BOLD_NAME = re.compile(r"bold|black|heavy|semibold|demi", re.IGNORECASE)
_LINK_COVER = 0.5
# MuPDF ends a word at these characters.
_WORD = re.compile(r"[^\s\xa0]+")
# A space inside a line that is wider than this number of font sizes separates two pieces.
_WIDE_SPACE = 2.2
_UPRIGHT = 0.3
"""The sine of the angle from which a line is turned."""
# Characters that only say where a word may be divided, that have no width, or control characters.
_INVISIBLE = dict.fromkeys(
    (*map(ord, "\N{SOFT HYPHEN}\u200b\u2060\ufeff"), *range(0x80, 0xA0), *range(9), 0x7F)
)


class PageSource:
    """The text of one page."""

    def __init__(self, page: pymupdf.Page) -> None:
        text = page.get_textpage(flags=TEXT_FLAGS)
        self._words = text.extractWORDS()
        if any(is_right_to_left(word[4]) for word in self._words):
            self._blocks = with_ligatures(text.extractRAWDICT(sort=False)["blocks"])
        else:
            self._blocks = text.extractDICT(sort=False)["blocks"]
        self._links = _links_on(page)

    def words(self) -> list[Word]:
        """Return the words of the page, in the order of the file."""
        return [Word(Box(*word[:4]), word[4].translate(_INVISIBLE)) for word in self._words]

    def lines(self) -> list[Line]:
        """Return the lines of the page, in the order of the file."""
        lines = join_letters(list(self._lines()))
        return [replace(line, index=index) for index, line in enumerate(lines)]

    def _lines(self) -> Iterator[Line]:
        words: defaultdict[tuple[int, int], list[Box]] = defaultdict(list)
        for *box, _, block, line, _ in self._words:
            words[block, line].append(Box(*box))
        for block_number, block in enumerate(self._blocks):
            for line_number, line in enumerate(block.get("lines", ())):
                spans = _spans(line["spans"], self._links)
                boxes = words.get((block_number, line_number), ())
                if spans and abs(line["dir"][1]) > _UPRIGHT:
                    yield Line(Box(*line["bbox"]), spans, turned=True)
                elif spans and boxes:
                    yield from _pieces(spans, boxes)


def _spans(found: Sequence[dict[str, Any]], links: Sequence[tuple[Box, str]]) -> tuple[Span, ...]:
    return tuple(_span(span, links) for span in found if span["text"])


def _pieces(spans: tuple[Span, ...], boxes: Sequence[Box]) -> Iterator[Line]:
    """Yield a line as pieces without wide spaces inside, each as wide as its words."""
    start = 0
    for index in range(1, len(boxes) + 1):
        last = index == len(boxes)
        if last or boxes[index].left - boxes[index - 1].right > _WIDE_SPACE * spans[0].size:
            whole = start == 0 and last
            piece = spans if whole else _cut(spans, start, index)
            if "".join(span.text for span in piece).strip():
                yield Line(hull(boxes[start:index]), piece)
            start = index


def _cut(spans: tuple[Span, ...], first: int, end: int) -> tuple[Span, ...]:
    """Return the part of *spans* from word number *first* to before word number *end*."""
    text = "".join(span.text for span in spans)
    places = [match.span() for match in _WORD.finditer(text)]
    if end > len(places):
        return spans if first == 0 else ()
    low, high = places[first][0], places[end - 1][1]
    cut, at = [], 0
    for span in spans:
        part = span.text[max(low - at, 0) : max(high - at, 0)]
        if part:
            cut.append(replace(span, text=part))
        at += len(span.text)
    return tuple(cut)


def _span(span: dict[str, Any], links: Sequence[tuple[Box, str]]) -> Span:
    text = span["text"]
    if text.endswith("\N{SOFT HYPHEN}"):
        text = f"{text[:-1]}\N{HYPHEN}"
    return Span(
        text=text.translate(_INVISIBLE),
        size=span["size"],
        bold=bool(span["flags"] & _BOLD or _BOLD_NAME.search(span["font"])),
        mono=bool(span["flags"] & _MONO),
        link=_target_of(Box(*span["bbox"]), links) if links else None,
    )


def _links_on(page: pymupdf.Page) -> list[tuple[Box, str]]:
    return [
        (Box(*link["from"]), link["uri"])
        for link in page.get_links()
        if link["kind"] == pymupdf.LINK_URI
        and link.get("uri", "").lower().startswith(("http://", "https://", "mailto:"))
    ]


def _target_of(box: Box, links: Sequence[tuple[Box, str]]) -> str | None:
    area = box.width * box.height
    for place, target in links:
        wide = min(box.right, place.right) - max(box.left, place.left)
        high = min(box.bottom, place.bottom) - max(box.top, place.top)
        if area and wide > 0 and high > 0 and wide * high >= area * _LINK_COVER:
            return target
    return None
