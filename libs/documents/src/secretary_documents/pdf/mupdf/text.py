"""Reads the text of a page as blocks, in ways of different cost.

The blocks are in the order of the file, and their boxes are in points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymupdf

# Ligatures are split, so that "fi" can be searched for. Characters without a meaning in the file
# become U+FFFD. MuPDF's default would replace them by glyph numbers, which look like text.
TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
_LEAST_HEIGHT, _SAME_HEIGHT = 0.01, 0.001
_THIN, _TO_LEFT = 0.1, -0.7
SOFT_HYPHEN = "\N{SOFT HYPHEN}"
# The text of most pages has fewer bytes. The buffer grows for more.
_TEXT_BYTES = 8192

FoundWord = tuple[float, float, float, float, str, int, int, int]
"""A word as MuPDF gives it: its box, its text, and the numbers of its block, line and word."""
TextBlock = tuple[tuple[float, float, float, float], str]
"""A block of text: its box in points, and its lines."""


def show_hyphens(text: pymupdf.TextPage) -> None:
    """Turn the soft hyphens in *text* that are drawn into hyphens, in place.

    Many programs write hyphens as soft ones. A soft hyphen without a width only says where a word
    may be divided.
    """
    for char in (char.m_internal for line in _native_lines(text) for char in line):
        left, right = char.quad.ll, char.quad.lr
        if char.c == ord(SOFT_HYPHEN) and (
            math.hypot(right.x - left.x, right.y - left.y) > _THIN * char.size
        ):
            char.c = ord("-")


def _native_lines(text: pymupdf.TextPage) -> Iterator[Any]:
    """Yield the lines of *text* as MuPDF itself has them."""
    for block in text.this:
        if block.m_internal.type == pymupdf.mupdf.FZ_STEXT_BLOCK_TEXT:
            yield from block


def text_blocks(text: pymupdf.TextPage) -> list[TextBlock]:
    """Return the blocks of *text* in the order of the file, each line with its end.

    MuPDF itself writes the text, which takes a tenth of the time of PyMuPDF's loop over the
    characters. The boxes are as high as the fonts say. ``small_text_blocks`` has lower ones.
    """
    buffer = pymupdf.mupdf.fz_new_buffer(_TEXT_BYTES)
    output = pymupdf.mupdf.FzOutput(buffer)
    pymupdf.mupdf.fz_print_stext_page_as_text(output, text.this)
    output.fz_close_output()
    try:
        written = pymupdf.mupdf.fz_buffer_extract(buffer).decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return small_text_blocks(text)
    # After each block is an empty line.
    *blocks, _ = written.split("\n\n")
    boxes = list(_boxes(text))
    if len(blocks) != len(boxes):  # a character of a block is the end of a line
        return small_text_blocks(text)
    return [(box, f"{lines}\n") for box, lines in zip(boxes, blocks, strict=True)]


def _boxes(text: pymupdf.TextPage) -> Iterator[tuple[float, float, float, float]]:
    block = text.this.m_internal.first_block
    while block:
        if block.type == pymupdf.mupdf.FZ_STEXT_BLOCK_TEXT:
            box = block.bbox
            yield box.x0, box.y0, box.x1, box.y1
        block = block.next


def small_text_blocks(text: pymupdf.TextPage) -> list[TextBlock]:
    """Return the blocks of *text* with boxes in which each letter is as high as its font size."""
    found = text.extractBLOCKS()
    return [((block[0], block[1], block[2], block[3]), str(block[4])) for block in found]


def styled_blocks(text: pymupdf.TextPage) -> list[dict[str, Any]]:
    """Return the blocks of *text* with lines and spans. Each letter is as high as its font size.

    PyMuPDF needs as long to lower the boxes of letters as for all else. So the boxes of spans are
    lowered here, unless a line is turned or raised, or a font has no height.
    """
    with _boxes_as_in_the_font():
        blocks: list[dict[str, Any]] = text.extractDICT(sort=False)["blocks"]
    lines = list(_lines(blocks))
    heights: dict[str, float] = {}
    if all(_lower(line, heights) for line in lines):
        return blocks
    small = list(text.extractDICT(sort=False)["blocks"])
    for line, as_in_font in zip(_lines(small), lines, strict=True):
        if runs_to_left(line):
            line |= {"bbox": as_in_font["bbox"], "spans": as_in_font["spans"]}
    return small


def found_words(text: pymupdf.TextPage) -> Sequence[FoundWord]:
    """Return the words of *text* in the order of the file."""
    found: Sequence[FoundWord] = text.extractWORDS()
    if not any(line.m_internal.dir.x < _TO_LEFT for line in _native_lines(text)):
        return found
    with _boxes_as_in_the_font():
        as_in_font: Sequence[FoundWord] = text.extractWORDS()
    to_left = {
        (number, line_number)
        for number, block in enumerate(text.extractDICT(sort=False)["blocks"])
        for line_number, line in enumerate(block.get("lines", ()))
        if runs_to_left(line)
    }
    return [
        other if word[5:7] in to_left else word
        for word, other in zip(found, as_in_font, strict=True)
    ]


def runs_to_left(line: dict[str, Any]) -> bool:
    """Return whether a line of MuPDF is upside down or mirrored.

    PyMuPDF gives lower boxes of its letters at a wrong place.
    """
    return bool(line["dir"][0] < _TO_LEFT)


def character_blocks(text: pymupdf.TextPage) -> list[dict[str, Any]]:
    """Return the blocks of *text* with characters. ``thin`` says that a character has no width."""
    blocks: list[dict[str, Any]] = text.extractRAWDICT(sort=False)["blocks"]
    with _boxes_as_in_the_font():
        drawn = list(_characters(text.extractRAWDICT(sort=False)["blocks"]))
    chars = list(_characters(blocks))
    for char, same in zip(chars, drawn if len(drawn) == len(chars) else chars, strict=True):
        char["thin"] = same["bbox"][2] - same["bbox"][0] < _THIN
    return blocks


def _lines(blocks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (line for block in blocks for line in block.get("lines", ()))


def _characters(blocks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (char for line in _lines(blocks) for span in line["spans"] for char in span["chars"])


@contextmanager
def _boxes_as_in_the_font() -> Iterator[None]:
    """Let PyMuPDF give the boxes of letters as the font has them."""
    pymupdf.TOOLS.unset_quad_corrections(True)  # noqa: FBT003 - its signature
    try:
        yield
    finally:
        pymupdf.TOOLS.unset_quad_corrections(False)  # noqa: FBT003 - its signature


def _lower(line: dict[str, Any], heights: dict[str, float]) -> bool:
    """Make the boxes of an upright *line* as high as its font sizes; return whether this is safe.

    *heights*: the height of each font for each point of its size. It is constant on one baseline.
    """
    spans = line["spans"]
    if line["dir"] != (1.0, 0.0) or line["wmode"] or not spans:
        return False
    for span in spans:
        left, top, right, bottom = span["bbox"]
        size, y = span["size"], span["origin"][1]
        if min(size, y - top) < _LEAST_HEIGHT or bottom - top < _LEAST_HEIGHT:
            return False
        height = (bottom - top) / size
        if abs(heights.setdefault(span["font"], height) - height) > _SAME_HEIGHT:
            return False
        span["bbox"] = (left, y - (y - top) / height, right, y + (bottom - y) / height)
    left, _, right, _ = line["bbox"]
    boxes = [span["bbox"] for span in spans]
    line["bbox"] = (left, min(box[1] for box in boxes), right, max(box[3] for box in boxes))
    return True
