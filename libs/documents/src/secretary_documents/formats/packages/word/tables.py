"""Reads a table of a Word document, with merged cells and tables inside cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from secretary_documents.formats.limits import Budget
from secretary_documents.formats.packages.open_xml import is_on
from secretary_documents.formats.table_builder import TableBuilder
from secretary_documents.pdf.layout.model import Span

RunsOf = Callable[[Element], list[Span]]
_INSIDE = ("sdt", "sdtContent", "customXml", "ins")


def read_table(element: Element, budget: Budget, runs_of: RunsOf) -> TableBuilder:
    """Return the table *element*; *runs_of* returns the text of a paragraph."""
    table = TableBuilder(budget)
    heads = 0
    rows = list(_children(element, "tr"))
    for index, row in enumerate(rows):
        properties = row.find("trPr")
        if properties is not None and is_on(properties.find("tblHeader")) and heads == index:
            heads += 1
        table.row()
        for _ in range(min(_number(properties, "gridBefore", 0), 100)):
            table.cell("")
        for cell in _children(row, "tc"):
            _add_cell(table, cell, runs_of)
    table.head_rows = max(heads, 1)
    return table


def _add_cell(table: TableBuilder, cell: Element, runs_of: RunsOf) -> None:
    properties = cell.find("tcPr")
    span = _number(properties, "gridSpan", 1)
    merge = None if properties is None else properties.find("vMerge")
    if merge is not None and merge.get("val", "continue") == "continue":
        table.extend_above(column_span=span)
        return
    table.cell(" ".join(_texts(cell, runs_of)), column_span=span)


def _texts(cell: Element, runs_of: RunsOf) -> Iterator[str]:
    """Yield the texts of the paragraphs in *cell*. A table inside is written row by row."""
    for child in cell:
        if child.tag == "p":
            yield "".join(span.text for span in runs_of(child))
        elif child.tag == "tbl":
            rows = (
                ", ".join(filter(None, (" ".join(_texts(one, runs_of)).strip() for one in row)))
                for row in (list(_children(row, "tc")) for row in _children(child, "tr"))
            )
            yield "; ".join(filter(None, rows))
        elif child.tag in _INSIDE:
            yield from _texts(child, runs_of)


def _children(element: Element, tag: str) -> Iterator[Element]:
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in _INSIDE:
            yield from _children(child, tag)


def _number(properties: Element | None, name: str, default: int) -> int:
    found = None if properties is None else properties.find(name)
    value = "" if found is None else found.get("val", "")
    return int(value) if value.isdecimal() else default
