"""Reads spreadsheets (xlsx, xls, ods): each sheet is a page with one table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from secretary_documents.formats.builder import Builder, run
from secretary_documents.formats.limits import Budget, damaged, encrypted, too_large
from secretary_documents.formats.packages.archive import Archive
from secretary_documents.formats.packages.open_document.meta import add_meta, check_encryption
from secretary_documents.formats.packages.open_document.sheet_cells import (
    MergedCell,
    MergedCells,
    merged_cells,
)
from secretary_documents.formats.packages.open_xml import add_properties
from secretary_documents.formats.packages.sheet_bounds import check_old_workbook, check_sheet
from secretary_documents.formats.packages.sheet_drawings import SheetDrawings
from secretary_documents.formats.table_builder import TableBuilder

# Imported here and not later, because a child in its sandbox may import nothing.
if find_spec("python_calamine") is not None:
    import python_calamine as calamine


Cells = Sequence[Sequence[Any]]
Span = tuple[int, int]
# A table ends before two empty rows: the next row with content is this many rows further.
_GAP = 2
_MIDNIGHT = dt.time()
# A fault of the library, which is written in Rust. It is no subclass of Exception.
_PANIC = "PanicException"
# From here on Python writes whole numbers with an exponent too.
_EXPONENT = 1e16
# The library gives the times of OpenDocument as they stand in the file.
_TIME = re.compile(r"PT([0-9]{1,6})H([0-9]{1,2})M([0-9]{1,2})(?:[.,][0-9]{1,9})?S")


def read_sheets(path: str, builder: Builder) -> None:
    """Read the workbook at *path* into *builder*. Hidden sheets are read too."""
    merged, drawings = _prepare(path, builder)
    try:
        with (
            Path(path).open("rb") as file,
            calamine.CalamineWorkbook.from_filelike(file) as workbook,
        ):
            for name in workbook.sheet_names:
                sheet = workbook.get_sheet_by_name(name)
                _sheet(sheet, name, sheet.merged_cell_ranges or merged.get(name) or [], builder)
                if drawings is not None:
                    drawings.add_to(builder, name)
    except calamine.PasswordError as error:
        raise encrypted() from error
    except calamine.CalamineError as error:
        raise damaged("the workbook is damaged") from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise damaged("the workbook is damaged") from error


def _prepare(path: str, builder: Builder) -> tuple[dict[str, MergedCells], SheetDrawings | None]:
    """Check a workbook before the library reads it, because the library knows no limits.

    Return what the library does not find: the merged cells of an OpenDocument file by sheet, and
    the drawings.
    """
    with Path(path).open("rb") as file:
        is_packed = file.read(2).startswith(b"PK")
    if not is_packed:
        check_old_workbook(path)
        return {}, None
    merged = _checked(Archive(path, builder.limits), builder.limits.max_cells)
    archive = Archive(path, builder.limits)
    if "docProps/core.xml" in archive:
        add_properties(archive, builder)
    elif "meta.xml" in archive:
        add_meta(archive, builder)
    return merged, SheetDrawings(archive)


def _checked(archive: Archive, max_cells: int) -> dict[str, MergedCells]:
    """Unpack all parts, and return the merged cells of an OpenDocument file."""
    check_encryption(archive)
    merged: dict[str, MergedCells] = {}
    for name in archive.names:
        part = archive.read(name)
        if name.endswith(".xml") and "worksheets/" in name:
            check_sheet(part, max_cells)
        elif name == "content.xml":
            merged = merged_cells(part, max_cells)
    return merged


def _sheet(sheet: Any, name: str, merged: Iterable[MergedCell], builder: Builder) -> None:
    builder.start_page(name)
    builder.heading([run(name)], 2)
    if sheet.height * sheet.width > builder.limits.max_cells:
        raise too_large(f"the sheet {name[:100]} has more than {builder.limits.max_cells} cells")
    rows: Cells = sheet.to_python(skip_empty_area=True)
    top, left = sheet.start or (0, 0)
    cells = _Cells(rows, *_merged(merged, top, left, (sheet.height, sheet.width)))
    for first, last in cells.islands():
        builder.table(cells.table(first, last, builder.budget))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The values of a sheet, with its merged cells."""

    rows: Cells
    spans: dict[Span, Span]
    inside: set[Span]

    def islands(self) -> Iterator[Span]:
        """Yield the first and the last row of each table: several empty rows are between them."""
        first = last = -1
        for number, row in enumerate(self.rows):
            if not any(map(_has_text, row)) and not self._is_in_merged(number, len(row)):
                continue
            if first >= 0 and number - last > _GAP:
                yield first, last
                first = -1
            first, last = number if first < 0 else first, number
        if first >= 0:
            yield first, last

    def _is_in_merged(self, number: int, width: int) -> bool:
        return bool(self.inside) and any((number, at) in self.inside for at in range(width))

    def table(self, first: int, last: int, budget: Budget) -> TableBuilder:
        """Return the rows from *first* to *last*, without empty columns before them."""
        rows = self.rows[first : last + 1]
        filled = [
            next((at for at, value in enumerate(row) if _has_text(value)), len(row)) for row in rows
        ]
        left = min(filled)
        table = TableBuilder(budget)
        for number, row in enumerate(rows, start=first):
            table.row()
            for column, value in enumerate(row[left:], start=left):
                place = number, column
                if place not in self.inside:
                    down, wide = self.spans.get(place, (1, 1))
                    table.cell(shown(value), row_span=down, column_span=wide)
        return table


def _has_text(value: Any) -> bool:
    return value is not None and value != ""


def _merged(
    merged: Iterable[MergedCell], top: int, left: int, size: Span
) -> tuple[dict[Span, Span], set[Span]]:
    """Return the sizes of merged cells by their first places, and their other places."""
    spans: dict[Span, Span] = {}
    inside: set[Span] = set()
    height, width = size
    for (first_row, first_column), (last_row, last_column) in merged:
        row, column = first_row - top, first_column - left
        if row < 0 or column < 0 or row >= height or column >= width:
            continue
        down = min(last_row - top, height - 1) - row + 1
        wide = min(last_column - left, width - 1) - column + 1
        spans[row, column] = down, wide
        inside |= {
            (row + below, column + right)
            for below in range(down)
            for right in range(wide)
            if below or right
        }
    return spans, inside


def shown(value: Any) -> str:
    """Return the value of a cell as text: whole numbers without a point, dates as ISO 8601.

    Times and durations are hours, minutes and seconds, such as ``36:00:00``.
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXPONENT else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ")
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, str) and (time := _TIME.fullmatch(value)):
        return ":".join(part.zfill(2) for part in time.groups())
    return value if isinstance(value, str) else str(value)
