"""Draws the blocks of a page: boxes with their kinds and their order, over bars instead of words.

The drawing shows where text, pictures and rules are on the page, but no content of the page. So
drawings of pages may be kept whose content may not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pymupdf

from quality.engines import secretary
from secretary_documents.pdf.layout.drawing import drawing_on
from secretary_documents.pdf.layout.model import Box
from secretary_documents.pdf.page_entry import shown_on

_COLORS = {
    "heading": "#c0392b",
    "paragraph": "#2471a3",
    "list_item": "#148f77",
    "table": "#8e44ad",
    "caption": "#b7950b",
    "figure": "#d35400",
    "footnote": "#6e2c00",
}
_OTHER = "#566573"
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{shown:g}" '
    'font-family="sans-serif">'
)
_SHOWN_WIDTH = 460.0


def draw_page(path: Path) -> str:
    """Return the first page of *path* as SVG, with the blocks that Secretary finds."""
    page = json.loads(secretary(path, output="json", method="combined", pages=[1]))
    with pymupdf.open(path) as document:
        first = document[0]
        width, height = first.rect.width, first.rect.height
        pieces = [
            _SVG.format(width=width, height=height, shown=_SHOWN_WIDTH),
            f'<rect width="{width:g}" height="{height:g}" fill="white" stroke="#999"/>',
            *_ground(first),
            *(_block(block) for block in page["blocks"]),
            "</svg>",
        ]
    return "\n".join(pieces) + "\n"


def _ground(page: pymupdf.Page) -> Iterator[str]:
    """Yield the places of pictures, rules and words."""
    drawing = drawing_on(page)
    yield from (_bar(shown_on(page, Box(*box)), "#f3e5d0") for box in drawing.images)
    for rule in (shown_on(page, Box(*rule)) for rule in (*drawing.across, *drawing.upright)):
        yield (
            f'<path d="M{rule[0]:.0f} {rule[1]:.0f}L{rule[2]:.0f} {rule[3]:.0f}" stroke="#bbb"/>'
        )
    yield from (_bar(shown_on(page, Box(*word[:4])), "#d0d3d4") for word in page.get_text("words"))


def _bar(box: Box, color: str) -> str:
    left, top, right, bottom = box
    return (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{right - left:.0f}" '
        f'height="{bottom - top:.0f}" fill="{color}"/>'
    )


def _block(block: dict[str, Any]) -> str:
    left, top, right, bottom = block["box"]
    color = _COLORS.get(block["kind"], _OTHER)
    name = escape(f"{block['order'] + 1} {block['kind']}")
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}" fill="none" stroke="{color}"/>'
        f'<text x="{left:.1f}" y="{top - 1:.1f}" font-size="7" fill="{color}">{name}</text>'
    )
