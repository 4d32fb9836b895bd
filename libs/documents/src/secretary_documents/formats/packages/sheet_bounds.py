"""Checks the bounds of sheets before the library reads them.

The library makes room for all places between the first and the last cell of a sheet, and an
allocation that fails ends the process. So two cells at the ends of a sheet, or a damaged record
with bounds, must be found before.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from pathlib import Path

from secretary_documents.formats.limits import damaged, encrypted, too_large
from secretary_documents.formats.packages.compound_file import check_chains

# A cell with content: its element is not empty. Styles alone fill whole rows, and need no room.
_CELL = re.compile(
    rb"""<(?:[A-Za-z0-9_]{1,20}:)?c\s(?:[^<>]{0,300}?\s)?r=["']([A-Z]{1,3})([0-9]{1,7})["']"""
    rb"""(?:\s[^<>]{0,300})?(?<!/)>(?!</)"""
)
_LETTERS = 26
_BEFORE_A = ord("A") - 1
# The record DIMENSIONS of an old workbook, by its size: of Excel 97, and of Excel 5.
_DIMENSIONS = re.compile(rb"\x00\x02(?:\x0e\x00(.{14})|\x0a\x00(.{10}))", re.DOTALL)
# The record FILEPASS after the first record, BOF, and perhaps WRITEPROT. All after it is encrypted,
# and the library takes it for damage.
_ENCRYPTED = re.compile(
    rb"\x09\x08(?:\x10\x00.{16}|\x08\x00.{8})(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL
)
_BOUNDS_97, _BOUNDS_5 = struct.Struct("<IIHHH"), struct.Struct("<HHHHH")
_MOST_ROWS, _MOST_COLUMNS = 65_536, 256


def check_sheet(content: bytes, max_cells: int) -> None:
    """Check the XML of a sheet of an xlsx file.

    Raises:
        PermanentError: DOCUMENT_TOO_LARGE, the smallest table with all cells that have content
            has more than *max_cells* places.
    """
    columns: set[bytes] = set()
    first, last, latest = math.inf, -math.inf, b""
    for match in _CELL.finditer(content):
        letters, row = match.groups()
        columns.add(letters)
        if row != latest:
            first, last, latest = min(first, int(row)), max(last, int(row)), row
    numbers = [_number(letters) for letters in columns]
    if numbers and (max(numbers) - min(numbers) + 1) * (last - first + 1) > max_cells:
        raise too_large(f"a sheet has more than {max_cells} cells")


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + letter - _BEFORE_A
    return number


def check_old_workbook(path: str) -> None:
    """Check that an xls file is not encrypted, its sectors, and the bounds of its sheets.

    Raises:
        PermanentError: DOCUMENT_ENCRYPTED, or DOCUMENT_INVALID: a chain of sectors has no end, or a
            sheet is larger than such a file can have.
    """
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        check_chains(content)
        if _ENCRYPTED.search(content):
            raise encrypted()
        for match in _DIMENSIONS.finditer(content):
            excel_97, excel_5 = match.groups()
            _, rows, _, columns, reserved = (
                _BOUNDS_97.unpack(excel_97) if excel_97 else _BOUNDS_5.unpack(excel_5)
            )
            # In a record the last field is zero. Other bytes are there by chance.
            if not reserved and (rows > _MOST_ROWS or columns > _MOST_COLUMNS):
                raise damaged("the workbook is damaged: a sheet declares impossible bounds")
