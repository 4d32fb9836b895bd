"""Reads a table of an OpenDocument text or presentation, with merged cells and tables inside."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from secretary_documents.formats.limits import Budget
from secretary_documents.formats.packages.open_document.inline import runs_in
from secretary_documents.formats.table_builder import TableBuilder

_MOST_REPEATS = 1000


def read_table(element: Element, budget: Budget) -> TableBuilder:
    """Return the table *element*. Cells that others cover are a part of those."""
    table = TableBuilder(budget)
    heads = sum(len(list(one.iter("table-row"))) for one in element.iter("table-header-rows"))
    for row in _rows(element):
        table.row()
        for cell in row:
            if cell.tag == "table-cell":
                for _ in range(min(_number(cell, "number-columns-repeated"), _MOST_REPEATS)):
                    table.cell(
                        _text(cell),
                        row_span=_number(cell, "number-rows-spanned"),
                        column_span=_number(cell, "number-columns-spanned"),
                    )
    table.head_rows = max(heads, 1)
    return table


def _text(cell: Element) -> str:
    """Return the text in *cell*. A table inside is written row by row."""
    texts = []
    for child in cell:
        if child.tag in ("p", "h"):
            texts.append("".join(span.text for span in runs_in(child)))
        elif child.tag == "table":
            rows = (", ".join(filter(None, (_text(one) for one in row))) for row in _rows(child))
            texts.append("; ".join(filter(None, rows)))
        elif child.tag != "annotation":
            texts.append(_text(child))
    return " ".join(filter(None, texts))


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if child.tag == "table-row":
            yield child
        elif child.tag in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(child)


def _number(cell: Element, name: str) -> int:
    return int(cell.get(name, "1"))
