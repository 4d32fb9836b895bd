"""Values of cells whose form in the file is another than the one that people see."""

import datetime as dt
from typing import Any

import pytest
from odfdo import Element
from support.file_reader import read_file
from support.office_samples import open_document, workbook

VALUES: dict[str, Any] = {
    "10:30:00": dt.time(10, 30),
    "36:00:00": dt.timedelta(hours=36),
    "1234567890123456": 1234567890123456,
    "0.5": 0.5,
}


@pytest.mark.parametrize("expected", VALUES)
def test_a_value_of_excel_is_written_as_people_write_it(expected: str) -> None:
    content = workbook(lambda book: book.active.append([VALUES[expected], "x"]))
    assert f"| {expected} | x |" in read_file(content).markdown


@pytest.mark.parametrize(
    ("stored", "expected"), [("PT10H30M00S", "10:30:00"), ("PT25H05M07.5S", "25:05:07")]
)
def test_a_time_of_an_open_document_sheet_is_written_as_in_excel(
    stored: str, expected: str
) -> None:
    cell = f"<table:table-cell office:value-type='time' office:time-value='{stored}'/>"
    table = f"<table:table table:name='S'><table:table-row>{cell}</table:table-row></table:table>"
    content = open_document("spreadsheet", lambda body: body.append(Element.from_tag(table)))
    assert f"| {expected} |" in read_file(content).markdown
