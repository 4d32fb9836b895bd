"""Finds footnotes: small text at the foot of a column that begins with a number or a mark."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secretary_documents.pdf.layout.model import Block, Kind
from secretary_documents.pdf.layout.style import DocumentStyle

_MARK = re.compile(r"\d{1,3}\b|[*†‡§¶]")
_SMALL = 0.93
"""The letters of a footnote are smaller than the body text by at least this factor."""


def mark_footnotes(blocks: Sequence[Block], style: DocumentStyle) -> None:
    """Set the kind of those of *blocks* that are footnotes, in place."""
    texts = [block for block in blocks if block.lines]
    for block in texts:
        if block.kind not in (Kind.PARAGRAPH, Kind.LIST_ITEM) or not _is_small(block, style):
            continue
        if _MARK.match(block.marker or block.lines[0].text) and _is_lowest(block, texts, style):
            block.kind = Kind.FOOTNOTE


def footnotes_last(blocks: Sequence[Block]) -> list[Block]:
    """Return *blocks* with the footnotes after the text of all columns, but before what is below.

    The foot of a page is below its footnotes.
    """
    notes = [block for block in blocks if block.kind is Kind.FOOTNOTE]
    rest = [block for block in blocks if block.kind is not Kind.FOOTNOTE]
    if not notes:
        return rest
    lowest = max(note.box.bottom for note in notes)
    end = len(rest)
    while end and rest[end - 1].box.top >= lowest - 2:
        end -= 1
    return [*rest[:end], *notes, *rest[end:]]


def _is_small(block: Block, style: DocumentStyle) -> bool:
    return all(line.size <= _SMALL * style.body for line in block.lines)


def _is_lowest(block: Block, blocks: Sequence[Block], style: DocumentStyle) -> bool:
    """Return whether nothing of its column is below *block*, apart from other small text."""
    return not any(
        other.box.top >= block.box.bottom - 1
        and other.box.left < block.box.right
        and other.box.right > block.box.left
        and not _is_small(other, style)
        for other in blocks
    )
