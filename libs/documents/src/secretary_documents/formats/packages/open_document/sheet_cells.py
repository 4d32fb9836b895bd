"""Finds where the cells of an OpenDocument spreadsheet (ods) are: their bounds, and merged cells.

The library that reads the values does not say which cells are merged, and makes room for all places
between the first and the last cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from secretary_documents.formats.limits import damaged, too_large
from secretary_documents.formats.packages.xml import refuse_declarations

Place = tuple[int, int]
"""A row and a column, from 0."""
MergedCell = tuple[Place, Place]
"""Its first and its last place."""
MergedCells = list[MergedCell]
_CELLS = ("table-cell", "covered-table-cell")


def merged_cells(content: bytes, max_cells: int) -> dict[str, MergedCells]:
    """Return the merged cells of each sheet in ``content.xml`` by the name of the sheet.

    Raises:
        PermanentError: DOCUMENT_TOO_LARGE, the smallest table with all cells that have content has
            more than *max_cells* places; DOCUMENT_INVALID, the XML is damaged.
    """
    refuse_declarations(content)
    finder = _Finder(max_cells)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = finder.start
    parser.EndElementHandler = finder.end
    try:
        parser.Parse(content, True)  # noqa: FBT003 - its signature
    except (expat.ExpatError, ValueError) as error:
        raise damaged("a part of the file is no valid XML") from error
    return finder.sheets


@dataclass(slots=True)
class _Finder:
    max_cells: int
    sheets: dict[str, MergedCells] = field(default_factory=dict)
    _merged: MergedCells = field(default_factory=list)
    _depth: int = 0
    """How deep the parser is in tables: a cell may hold a table."""
    _row: int = 0
    _column: int = 0
    _row_repeats: int = 1
    _bounds: tuple[int, int, int, int] | None = None
    """The first row and column with content, and the last ones."""

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name == "table":
            self._depth += 1
        if self._depth != 1:
            return
        attributes = {key.rpartition("}")[2]: value for key, value in given.items()}
        if name == "table":
            self._row, self._bounds, self._merged = 0, None, []
            self.sheets[attributes.get("name", "")] = self._merged
        elif name == "table-row":
            self._column = 0
            self._row_repeats = _number(attributes, "number-rows-repeated")
        elif name in _CELLS:
            self._cell(attributes)

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        if name == "table-row" and self._depth == 1:
            self._row += self._row_repeats
        elif name == "table":
            self._depth -= 1

    def _cell(self, attributes: dict[str, str]) -> None:
        repeats = _number(attributes, "number-columns-repeated")
        down = _number(attributes, "number-rows-spanned") - 1
        wide = _number(attributes, "number-columns-spanned") - 1
        if "value-type" in attributes:
            self._extend_bounds(self._row + self._row_repeats - 1, self._column + repeats - 1)
            if down or wide:
                self._merge(down, wide)
        self._column += repeats

    def _merge(self, down: int, wide: int) -> None:
        for row in range(self._row, self._row + self._row_repeats):
            self._merged.append(((row, self._column), (row + down, self._column + wide)))

    def _extend_bounds(self, last_row: int, last_column: int) -> None:
        top, left, bottom, right = self._bounds or (self._row, self._column, 0, 0)
        top, left = min(top, self._row), min(left, self._column)
        bottom, right = max(bottom, last_row), max(right, last_column)
        self._bounds = top, left, bottom, right
        if (bottom - top + 1) * (right - left + 1) > self.max_cells:
            raise too_large(f"a sheet has more than {self.max_cells} cells")


def _number(attributes: dict[str, str], name: str) -> int:
    return max(int(attributes.get(name, "1")), 1)
