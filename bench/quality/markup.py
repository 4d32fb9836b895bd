"""Reads Markdown with pipe tables and HTML tables: tables as HTML, blocks, trees."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

_RULE_CELL = re.compile(r"[-:]+")
_TABLE = re.compile(r"<table[^>]*>.*?</table>", re.IGNORECASE | re.DOTALL)
_VOID = ("br", "img", "hr")
# Tags that close the open element of the same kind, as browsers do.
_SIBLINGS = {"tr": ("tr", "td"), "td": ("td",)}


@dataclass(slots=True)
class Node:
    """An element of a table, or a heading, or the text below a heading."""

    tag: str
    text: str = ""
    span: tuple[int, int] = (1, 1)
    """The columns and the rows of a cell."""
    children: list[Self] = field(default_factory=list)
    inner: int = 0
    """The number of elements inside a cell, such as line breaks."""

    def count(self) -> int:
        """Return the number of elements of the tree, with those inside cells."""
        return 1 + self.inner + sum(child.count() for child in self.children)


def cells_of(line: str) -> list[str] | None:
    """Return the cells of a row with pipes; None for another line."""
    line = line.strip()
    if "|" not in line:
        return None
    cells = line.removeprefix("|").split("|")
    if line.endswith("|") and len(cells) > 1:
        cells.pop()
    return [cell.strip() for cell in cells]


def with_html_tables(markdown: str) -> str:
    """Return *markdown* with each table of pipes written as HTML in one line."""
    lines, written, index = markdown.splitlines(), list[str](), 0
    while index < len(lines):
        head = cells_of(lines[index])
        rule = cells_of(lines[index + 1]) if index + 1 < len(lines) else None
        index += 1
        if not head or not rule or not all(_is_rule(cell) for cell in rule):
            written.append(lines[index - 1])
            continue
        index += 1
        rows = []
        while index < len(lines) and (row := cells_of(lines[index])):
            rows.append(row)
            index += 1
        written.append(_html_table(head, rows, max(len(head), len(rule))))
    return "\n".join(written)


def _is_rule(cell: str) -> bool:
    return bool(_RULE_CELL.fullmatch(cell.replace(" ", "")))


def _html_table(head: list[str], rows: list[list[str]], width: int) -> str:
    filled = [_widened(row, width) for row in (head, *rows)]
    if rows and not any(filled[0]):
        del filled[0]
    first, *others = filled
    written = [_html_row(first, "th"), *(_html_row(row, "td") for row in others)]
    return f"<table>{''.join(written)}</table>"


def _widened(row: list[str], width: int) -> list[str]:
    if len(row) == 3 < width:  # noqa: PLR2004 - the published measure repeats the middle cell
        return [row[0], *[row[1]] * (width - 2), row[2]]
    return [*row, *[""] * (width - len(row))][:width]


def _html_row(row: list[str], tag: str) -> str:
    cells = (f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
    return f"<tr>{''.join(cells)}</tr>"


def html_tables(text: str) -> list[str]:
    """Return the HTML tables in *text*."""
    return _TABLE.findall(text)


def without_tables(text: str) -> str:
    """Return *text* with a space in place of each HTML table."""
    return _TABLE.sub(" ", text)


class _TableParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("table")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = "td" if tag == "th" else tag
        if tag in ("thead", "tbody", "tfoot"):
            return
        if tag not in ("table", "tr", "td"):
            self._inside(tag)
            return
        while self._open[-1].tag in _SIBLINGS.get(tag, ()):
            self._open.pop()
        given = dict(attrs)
        span = (_number(given.get("colspan")), _number(given.get("rowspan")))
        node = Node(tag, span=span if tag == "td" else (1, 1))
        self._open[-1].children.append(node)
        self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        tag = "td" if tag == "th" else tag
        if tag in (node.tag for node in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open[-1].tag == "td":
            self._open[-1].text += data

    def _inside(self, tag: str) -> None:
        if self._open[-1].tag == "td":
            self._open[-1].inner += 1
            if tag in _VOID:
                self._open[-1].text += " "


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() else 1


def table_tree(tables: list[str]) -> Node:
    """Return the tree of all *tables* below one root."""
    parser = _TableParser()
    parser.feed("".join(tables))
    return parser.root


def grid_of(table: Node) -> dict[tuple[int, int], tuple[int, str]]:
    """Return the cells of *table* by row and column: the number of the cell and its text."""
    grid: dict[tuple[int, int], tuple[int, str]] = {}
    number = 0
    for row, line in enumerate(node for node in table.children if node.tag == "tr"):
        column = 0
        for cell in line.children:
            while (row, column) in grid:
                column += 1
            number += 1
            places = [
                (row + down, column + right)
                for down in range(cell.span[1])
                for right in range(cell.span[0])
            ]
            grid |= dict.fromkeys(places, (number, cell.text))
            column += cell.span[0]
    return grid
