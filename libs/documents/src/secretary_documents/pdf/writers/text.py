"""Writes blocks as plain text: the lines as on the page, and each row of a table in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secretary_documents.pdf.layout.model import Block, Kind, shown


def to_text(blocks: Iterable[Block], *, keep_headers: bool = False) -> str:
    """Return *blocks* as text. Repeated headers and footers are left out by default.

    The cells of a row are separated by tabs.
    """
    kept = shown(blocks, keep_headers=keep_headers)
    return "\n".join(line for block in kept for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    if block.table:
        for row in block.table.grid():
            yield "\t".join(row).rstrip()
        return
    if block.kind is Kind.CODE:
        yield block.code()
        return
    for number, line in enumerate(block.lines):
        yield f"{block.marker} {line.text}" if block.marker and number == 0 else line.text
