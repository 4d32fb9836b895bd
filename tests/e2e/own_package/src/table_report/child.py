"""The child process that parses a table. It alone reads the file's bytes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secretary_common.errors import PermanentError
from secretary_worker import Emit, Work


def begin(files: Sequence[str]) -> Work:
    """Return the function that answers requests about the table in the first of *files*."""
    path = Path(files[0])

    def answer(request: dict[str, Any], emit: Emit) -> None:
        for column in read_columns(path, request["separators"], request["max_rows"]):
            emit({"column": column})

    return answer


def read_columns(path: Path, separators: str, max_rows: int) -> list[dict[str, Any]]:
    """Return name and number of different values of each column.

    Raises:
        PermanentError: TABLE_INVALID, the file is no table; TABLE_TOO_LONG.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(text.splitlines(), csv.Sniffer().sniff(text, separators)))
        columns = list(zip(*rows, strict=True))
    except (ValueError, csv.Error) as error:
        raise PermanentError("the file is no table", code="TABLE_INVALID") from error
    if len(rows) - 1 > max_rows:
        message = f"the table has {len(rows) - 1} rows, at most {max_rows} are allowed"
        raise PermanentError(message, code="TABLE_TOO_LONG")
    return [{"name": name, "values": len(set(values))} for name, *values in columns]
