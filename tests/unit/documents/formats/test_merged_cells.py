"""The same table with merged cells in each format that has such cells."""

from typing import Any

import odfdo
import pytest
from support.file_reader import read_file
from support.office_samples import old_workbook, open_document, slides, word, workbook, zipped

HTML = "<table><tr><th colspan=2>wide<th rowspan=2>high<tr><td>a<td>b<tr><td>c<td>d<td>e</table>"
PLACES = {(0, 0): "wide", (0, 2): "high", (1, 0): "a", (1, 1): "b"} | {
    (2, column): text for column, text in enumerate("cde")
}


def fill_grid(table: Any) -> None:
    """Fill a table whose cells have a text and can be merged."""
    for (row, column), text in PLACES.items():
        table.cell(row, column).text = text
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(0, 2).merge(table.cell(1, 2))


def in_word(document: Any) -> None:
    table = document.add_table(3, 3)
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(0, 2).merge(table.cell(1, 2))
    for (row, column), text in PLACES.items():
        table.cell(row, column).text = text


def on_a_slide(presentation: Any) -> None:
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    fill_grid(slide.shapes.add_table(3, 3, 0, 0, 999_999, 999_999).table)


def in_a_workbook(book: Any) -> None:
    for (row, column), text in PLACES.items():
        book.active.cell(row + 3, column + 2, text)  # not at the first place of the sheet
    book.active.merge_cells("B3:C3")
    book.active.merge_cells("D3:D4")


def in_an_old_workbook(book: Any) -> None:
    sheet = book.add_sheet("Sheet")
    sheet.write_merge(0, 0, 0, 1, "wide")
    sheet.write_merge(0, 1, 2, 2, "high")
    for (row, column), text in PLACES.items():
        if row:
            sheet.write(row, column, text)


def open_table(*, first: tuple[int, int] = (0, 0)) -> Any:
    """Return a table of OpenDocument, whose first cell is at the place *first*."""
    below, right = first
    table = odfdo.Table("Sheet", width=3 + right, height=3 + below)
    for (row, column), text in PLACES.items():
        table.set_value((column + right, row + below), text)
    table.set_span((right, below, right + 1, below))
    table.set_span((right + 2, below, right + 2, below + 1))
    return table


def on_an_open_slide(body: Any) -> None:
    page = odfdo.DrawPage("One", name="One")
    frame = odfdo.Element.from_tag("<draw:frame/>")
    frame.append(open_table())
    page.append(frame)
    body.append(page)


def book() -> bytes:
    container = '<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>'
    package = (
        '<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        '</manifest><spine><itemref idref="a"/></spine></package>'
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "a.opf": package,
            "a.xhtml": HTML,
        }
    )


def row(*cells: tuple[str, str]) -> str:
    defined = "".join(rf"{how}\cellx{number}" for number, (how, _) in enumerate(cells, 1))
    return rf"\trowd{defined}" + "".join(rf"\intbl {text}\cell" for _, text in cells) + r"\row "


RICH = (
    row((r"\clmgf", "wide"), (r"\clmrg", ""), (r"\clvmgf", "high"))
    + row(("", "a"), ("", "b"), (r"\clvmrg", ""))
    + row(("", "c"), ("", "d"), ("", "e"))
)

SAMPLES = {
    "docx": word(in_word),
    "pptx": slides(on_a_slide),
    "xlsx": workbook(in_a_workbook),
    "xls": old_workbook(in_an_old_workbook),
    "ods": open_document("spreadsheet", lambda body: body.append(open_table(first=(4, 2)))),
    "odt": open_document("text", lambda body: body.append(open_table())),
    "odp": open_document("presentation", on_an_open_slide),
    "html": f"<!doctype html>{HTML}".encode(),
    "epub": book(),
    "rtf": rf"{{\rtf1 {RICH}}}".encode(),
    "eml": f"From: a@a.example\nSubject: x\nContent-Type: text/html\n\n{HTML}".encode(),
}
EXPECTED = (
    '<table><tr><th colspan="2">wide</th><th rowspan="2">high</th></tr>'
    "<tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td><td>e</td></tr></table>"
)


@pytest.mark.parametrize("name", SAMPLES)
def test_merged_cells_are_kept(name: str) -> None:
    found = read_file(SAMPLES[name], output="html")
    assert found.format == name
    text = found.pages[0]["text"]
    assert text[text.index("<table>") :] == EXPECTED
