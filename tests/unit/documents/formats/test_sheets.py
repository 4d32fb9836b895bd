import datetime as dt
import io
import struct
from collections.abc import Callable
from typing import Any

import odfdo
import pytest
from openpyxl.chart import BarChart
from openpyxl.drawing.image import Image
from openpyxl.styles import Font
from support.file_reader import code_of, read_file
from support.office_samples import (
    chart_xml,
    encrypted,
    old_workbook,
    open_document,
    png,
    with_member,
    workbook,
)


def rows(*values: list[Any]) -> Callable[[Any], None]:
    def fill(book: Any) -> None:
        for row in values:
            book.active.append(row)

    return fill


def merged_cells(book: Any) -> None:
    rows(["Name", "Sales", None], [None, 2024, 2025], ["A", 1, 2])(book)
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")


def kinds(book: Any) -> None:
    rows(
        [True, 1.0, 2.5, dt.date(2026, 1, 2), dt.datetime.fromisoformat("2026-01-02 03:04"), 10**12]
    )(book)


def far_away(book: Any) -> None:
    book.active["D20"] = "alone"


def islands(book: Any) -> None:
    for place, text in {"A1": "a", "B1": "b", "A3": "c", "Y900": "far", "Z900": "away"}.items():
        book.active[place] = text
    book.active["Z901"] = "below"


def several(book: Any) -> None:
    book.active.append(["a"])
    book.create_sheet("Second").append(["b"])
    book.create_sheet("Nothing")


SHAPES: dict[str, tuple[Callable[[Any], object], str]] = {
    "rows": (
        rows(["Name", "Price"], ["Tea", 3]),
        "## Sheet\n\n| Name | Price |\n| --- | --- |\n| Tea | 3 |",
    ),
    "merged cells": (
        merged_cells,
        "## Sheet\n\n| Name | Sales |  |\n| --- | --- | --- |\n|  | 2024 | 2025 |\n| A | 1 | 2 |",
    ),
    "kinds of values": (
        kinds,
        (
            "## Sheet\n\n| TRUE | 1 | 2.5 | 2026-01-02 | 2026-01-02 03:04:00 | 1000000000000 |\n"
            "| --- | --- | --- | --- | --- | --- |"
        ),
    ),
    "far from the first cell": (far_away, "## Sheet\n\n| alone |\n| --- |"),
    "tables far apart": (
        islands,
        (
            "## Sheet\n\n| a | b |\n| --- | --- |\n|  |  |\n| c |  |\n\n"
            "| far | away |\n| --- | --- |\n|  | below |"
        ),
    ),
    "several sheets": (
        several,
        "## Sheet\n\n| a |\n| --- |\n-----\n## Second\n\n| b |\n| --- |\n-----\n## Nothing",
    ),
    "right to left": (rows(["שם", "מחיר"]), "## Sheet\n\n| שם | מחיר |\n| --- | --- |"),
    "marks of Markdown": (rows(["a|b", "*c*"]), "## Sheet\n\n| a\\|b | \\*c\\* |\n| --- | --- |"),
    "empty": (lambda book: book, "## Sheet"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_workbooks_become_markdown(shape: str) -> None:
    fill, expected = SHAPES[shape]
    found = read_file(workbook(fill))
    assert (found.format, found.markdown) == ("xlsx", expected)


def test_pictures_and_charts_of_a_sheet_follow_its_table() -> None:
    def fill(book: Any) -> None:
        book.active.append(["a"])
        book.create_sheet("Charts").add_chart(BarChart())
        book["Charts"].add_image(Image(io.BytesIO(png())))

    content = with_member(workbook(fill), "xl/charts/chart1.xml", chart_xml())
    first, second = read_file(content, min_points=20).pages
    assert first["text"] == "## Sheet\n\n| a |\n| --- |"
    assert second["pictures"] == ["page_2_image_1.png"]
    assert second["text"] == (
        "## Charts\n\n![](page_2_image_1.png)\n\n"
        "|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 | 2 |"
    )


def test_a_sheet_is_a_page_with_its_name() -> None:
    assert [page["name"] for page in read_file(workbook(several)).pages] == [
        "Sheet",
        "Second",
        "Nothing",
    ]


SAMPLE = workbook(rows(["a", "b"]))
BROKEN = {
    "cut off": (SAMPLE[:-200], "DOCUMENT_INVALID"),
    "encrypted": (encrypted(SAMPLE), "DOCUMENT_ENCRYPTED"),
    "no XML": (with_member(SAMPLE, "xl/workbook.xml", "<workbook"), "DOCUMENT_INVALID"),
    "bomb": (
        with_member(SAMPLE, "xl/worksheets/sheet1.xml", bytes(9 * 2**20)),
        "DOCUMENT_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_workbooks_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN[fault]
    assert code_of(content) == code


def test_two_cells_at_the_ends_of_a_sheet_are_too_many_cells() -> None:
    def fill(book: Any) -> None:
        book.active["A1"], book.active["XFD1000"] = "a", "b"

    assert code_of(workbook(fill)) == "DOCUMENT_TOO_LARGE"


LAST = "XFD1048576"


def test_cells_at_opposite_corners_are_refused_before_the_library_makes_room() -> None:
    def fill(book: Any) -> None:
        book.active["A1"], book.active[LAST] = "a", "b"

    assert code_of(workbook(fill)) == "DOCUMENT_TOO_LARGE"


def test_a_far_cell_that_has_only_a_style_does_not_count() -> None:
    def fill(book: Any) -> None:
        book.active["A1"] = "a"
        book.active[LAST].font = Font(bold=True)

    assert read_file(workbook(fill)).markdown == "## Sheet\n\n| a |\n| --- |"


def test_one_cell_at_the_last_place_is_read() -> None:
    def fill(book: Any) -> None:
        book.active[LAST] = "alone"

    assert read_file(workbook(fill)).markdown == "## Sheet\n\n| alone |\n| --- |"


def old(*cells: tuple[int, int, Any]) -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_sheet("Old")
        for row, column, value in cells:
            sheet.write(row, column, value)

    return old_workbook(fill)


def old_merged(book: Any) -> None:
    sheet = book.add_sheet("Old")
    sheet.write_merge(0, 0, 0, 1, "wide")
    sheet.write(1, 0, "a")
    sheet.write(1, 1, "b")


OLD = {
    "numbers": (old((0, 0, "x"), (0, 1, 2.0)), "## Old\n\n| x | 2 |\n| --- | --- |"),
    "merged cells": (
        old_workbook(old_merged),
        "## Old\n\n| wide |  |\n| --- | --- |\n| a | b |",
    ),
    "right to left": (old((0, 0, "שלום")), "## Old\n\n| שלום |\n| --- |"),
    "empty": (old(), "## Old"),
}


@pytest.mark.parametrize("shape", OLD)
def test_old_workbooks_become_markdown(shape: str) -> None:
    content, expected = OLD[shape]
    found = read_file(content)
    assert (found.format, found.markdown) == ("xls", expected)


def test_a_damaged_old_workbook_is_refused() -> None:
    content = old((0, 0, "x"))
    assert code_of(content[:30] + bytes(2) + content[32:]) == "DOCUMENT_INVALID"


def test_an_encrypted_old_workbook_is_refused() -> None:
    # The record INTERFACEHDR becomes FILEPASS, which says how the rest is encrypted.
    content = old((0, 0, "x"))
    assert content.count(b"\xe1\0\2\0") == 1
    assert code_of(content.replace(b"\xe1\0\2\0", b"\x2f\0\2\0")) == "DOCUMENT_ENCRYPTED"


@pytest.mark.parametrize("start", [0, 1, 2])
def test_sectors_of_an_old_workbook_that_refer_to_each_other_in_a_circle_are_refused(
    start: int,
) -> None:
    content = bytearray(old(*((row, 0, "text" * 9) for row in range(200))))
    table = (int.from_bytes(content[76:80], "little") + 1) * 512
    places = [0, 1, 2]
    for place, following in zip(places, [*places[1:], start], strict=True):
        content[table + 4 * place : table + 4 * place + 4] = following.to_bytes(4, "little")
    assert code_of(bytes(content)) == "DOCUMENT_INVALID"


BOUNDS_97 = b"\0\2\x0e\0" + struct.pack("<IIHHH", 0, 1, 0, 2, 0)


@pytest.mark.parametrize("bounds", [(0, 2**31, 0, 2), (0, 1, 0, 2**16 - 1)])
def test_impossible_bounds_of_an_old_workbook_are_refused(bounds: tuple[int, ...]) -> None:
    content = old((0, 0, "x"), (0, 1, "y"))
    assert BOUNDS_97 in content
    damaged = BOUNDS_97[:4] + struct.pack("<IIHHH", *bounds, 0)
    assert code_of(content.replace(BOUNDS_97, damaged)) == "DOCUMENT_INVALID"


def sheet(*values: list[Any]) -> bytes:
    def fill(body: Any) -> None:
        table = odfdo.Table("Sheet")
        table.set_values(list(values))
        body.append(table)

    return open_document("spreadsheet", fill)


def repeated(body: Any) -> None:
    table = odfdo.Table("Sheet")
    table.set_values([["a"]])
    cell = table.get_cell((0, 0))
    cell.repeated = 3
    row = odfdo.Row()
    row.append_cell(cell)
    table.set_row(0, row)
    body.append(table)


ODS = {
    "rows": (sheet(["a", 1], ["b", 2.5]), "## Sheet\n\n| a | 1 |\n| --- | --- |\n| b | 2.5 |"),
    "dates": (sheet([dt.date(2026, 1, 2)]), "## Sheet\n\n| 2026-01-02 |\n| --- |"),
    "repeated cells": (
        open_document("spreadsheet", repeated),
        "## Sheet\n\n| a | a | a |\n| --- | --- | --- |",
    ),
    "right to left": (sheet(["سعر"]), "## Sheet\n\n| سعر |\n| --- |"),
    "empty": (sheet(), "## Sheet"),
}


@pytest.mark.parametrize("shape", ODS)
def test_open_document_sheets_become_markdown(shape: str) -> None:
    content, expected = ODS[shape]
    found = read_file(content)
    assert (found.format, found.markdown) == ("ods", expected)


def raw_sheet(rows: str) -> bytes:
    """Return an OpenDocument sheet with *rows* as they are in the file."""
    made = f"<table:table table:name='Sheet'>{rows}</table:table>"
    return open_document("spreadsheet", lambda body: body.append(odfdo.Element.from_tag(made)))


def cell(text: str, **numbers: object) -> str:
    """Return a cell; *numbers*: such as ``columns_spanned``."""
    given = "".join(
        f" table:number-{name.replace('_', '-')}='{value}'" for name, value in numbers.items()
    )
    return (
        f"<table:table-cell office:value-type='string'{given}><text:p>{text}</text:p>"
        "</table:table-cell>"
    )


def test_rows_that_repeat_repeat_their_merged_cells() -> None:
    wide = cell("wide", columns_spanned=2) + "<table:covered-table-cell/>"
    content = raw_sheet(
        f"<table:table-row table:number-rows-repeated='2'>{wide}</table:table-row>"
        f"<table:table-row>{cell('a')}{cell('b')}</table:table-row>"
    )
    assert read_file(content, output="html").pages[0]["text"].count('colspan="2"') == 2


def far_apart(rows: int, columns: int) -> bytes:
    empty = f"<table:table-cell table:number-columns-repeated='{columns}'/>"
    return raw_sheet(
        f"<table:table-row>{cell('a')}</table:table-row><table:table-row "
        f"table:number-rows-repeated='{rows}'><table:table-cell/></table:table-row>"
        f"<table:table-row>{empty}{cell('b')}</table:table-row>"
    )


SHEET = sheet(["a"])
BROKEN_ODS = {
    "cut off": (SHEET[:-100], "DOCUMENT_INVALID"),
    "no XML": (with_member(SHEET, "content.xml", "no XML"), "DOCUMENT_INVALID"),
    "no number": (
        raw_sheet(f"<table:table-row>{cell('a', columns_repeated='x')}</table:table-row>"),
        "DOCUMENT_INVALID",
    ),
    "encrypted": (
        with_member(SHEET, "META-INF/manifest.xml", "<a><encryption-data/></a>"),
        "DOCUMENT_ENCRYPTED",
    ),
    "bomb": (with_member(SHEET, "content.xml", bytes(9 * 2**20)), "DOCUMENT_TOO_LARGE"),
    "cells at opposite corners": (far_apart(1_000_000, 16_000), "DOCUMENT_TOO_LARGE"),
    "a cell that fills the sheet": (
        raw_sheet(
            "<table:table-row table:number-rows-repeated='1048576'>"
            f"{cell('a', columns_repeated=16384)}</table:table-row>"
        ),
        "DOCUMENT_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("fault", BROKEN_ODS)
def test_broken_open_document_sheets_are_refused_with_the_reason(fault: str) -> None:
    content, code = BROKEN_ODS[fault]
    assert code_of(content) == code


def test_empty_cells_without_end_do_not_count() -> None:
    content = raw_sheet(
        f"<table:table-row>{cell('a')}</table:table-row>"
        "<table:table-row table:number-rows-repeated='1048575'>"
        "<table:table-cell table:number-columns-repeated='16384'/></table:table-row>"
    )
    assert read_file(content).markdown == "## Sheet\n\n| a |\n| --- |"
