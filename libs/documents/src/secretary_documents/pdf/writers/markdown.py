"""Writes blocks as Markdown: headings, lists, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from urllib.parse import quote

from secretary_documents.pdf.layout.model import Block, Kind, Line, Markup, Table, shown
from secretary_documents.pdf.writers.emphasis import marked
from secretary_documents.pdf.writers.markup import escape, escape_start, join_lines

_UNMARKED = Markup.NONE
_FENCE = re.compile(r"`{3,}+")
_INDENT_POINTS = 8.0
_MOST_LEVELS = 4


def to_markdown(blocks: Iterable[Block], *, keep_headers: bool = False) -> str:
    """Return *blocks* as Markdown. Repeated headers and footers are left out by default."""
    kept = shown(blocks, keep_headers=keep_headers)
    pieces: list[str] = []
    for is_list, group in groupby(kept, lambda block: block.kind is Kind.LIST_ITEM):
        if is_list:
            pieces.append(_list_of(list(group)))
        else:
            pieces += (text for block in group if (text := _piece(block)))
    return "\n\n".join(pieces)


def _piece(block: Block) -> str:
    if block.table:
        return table_to_markdown(block.table)
    if block.kind is Kind.CODE:
        return fenced(block.code(), block.language)
    text = text_of(block.lines)
    if block.marker:
        text = f"{escape(block.marker)} {text}"
    if block.kind is Kind.HEADING:
        return f"{'#' * block.level} {text}" if text else ""
    if block.file:
        return f"{image_link(block.file)}\n\n{escape_start(text)}".strip()
    return escape_start(text)


def fenced(code: str, language: str = "") -> str:
    """Return *code* between fences that are longer than those in the code."""
    longest = max(map(len, _FENCE.findall(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def image_link(file: str) -> str:
    """Return the Markdown that shows the picture in *file*."""
    return f"![]({file})"


def text_of(lines: Iterable[Line]) -> str:
    """Return *lines* as one line of Markdown with links and marks."""
    return join_lines(_linked(line) for line in lines)


def _linked(line: Line) -> str:
    """Return a line as Markdown. Adjacent spans with the same target become one link."""
    if not any(span.link or span.markup is not _UNMARKED for span in line.spans):
        return escape("".join([span.text for span in line.spans]))
    runs = groupby(line.spans, lambda span: span.link)
    texts = ((target, marked(list(spans))) for target, spans in runs)
    return "".join(text if target is None else _link(text, target) for target, text in texts)


def _link(text: str, target: str) -> str:
    """Return a link with *text*, which is Markdown already."""
    shown = text.strip()
    if not shown:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    address = "".join(map(_in_address, target))
    return f"{before}[{shown}]({address}){after}"


def _in_address(char: str) -> str:
    """Return *char*, encoded if it would end the address of a link."""
    is_safe = char not in "<>()\\" and not char.isspace() and char.isprintable()
    return char if is_safe else quote(char, errors="replace")


def _list_of(items: Sequence[Block]) -> str:
    """Return *items* as a list, indented as on the page."""
    lines: list[str] = []
    lefts: list[float] = []
    indents: list[int] = []
    for item in items:
        left = item.box.left
        while lefts and left < lefts[-1] - _INDENT_POINTS / 2:
            lefts.pop()
            indents.pop()
        if not lefts or (left > lefts[-1] + _INDENT_POINTS and len(lefts) < _MOST_LEVELS):
            # Nested under the text of the previous item: indented by the width of its marker.
            deeper = indents[-1] + len(lines[-1].split()[0]) + 1 if indents else 0
            lefts.append(left)
            indents.append(deeper)
        lines.append(f"{' ' * indents[-1]}{_marker(item)} {escape_start(text_of(item.lines))}")
    return "\n".join(lines)


def _marker(item: Block) -> str:
    digits = item.marker.strip("().")
    if digits.isdecimal():
        return f"{digits}."
    return f"- {item.marker}" if digits.isalnum() else "-"


def table_to_markdown(table: Table) -> str:
    """Return *table* with its first row as the header, because Markdown requires a header."""
    head, *body = [_row(cells) for cells in table.grid()]
    return "\n".join([head, f"|{' --- |' * table.columns}", *body])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape(cell).replace('|', chr(92) + '|') for cell in cells)} |"
