"""A table as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from secretary_documents.pdf.writers.csv import table_to_csv


def table(rows: int, columns: int, *cells: tuple[int, int, str]) -> dict[str, Any]:
    written = [{"row": row, "column": column, "text": text} for row, column, text in cells]
    return {"rows": rows, "columns": columns, "cells": written}


def test_a_cell_over_several_places_is_at_its_first_place_only() -> None:
    wide = table(2, 3, (0, 0, "Sales"), (1, 0, "a"), (1, 2, "c"))
    assert table_to_csv(wide) == "Sales,,\r\na,,c\r\n"


def test_commas_quotes_and_lines_in_a_cell_are_read_back() -> None:
    texts = ["1,5", 'a "b"', "two\nlines", "Größe"]
    found = table_to_csv(table(1, 4, *((0, at, text) for at, text in enumerate(texts))))
    assert found == '"1,5","a ""b""","two\nlines",Größe\r\n'
    assert list(csv.reader(io.StringIO(found, newline=""))) == [texts]


@pytest.mark.parametrize("size", [(1001, 1000), (10**9, 1), (10**9, 0), (-1, -1)])
def test_a_table_of_too_many_places_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="a table of"):
        table_to_csv(table(*size))
