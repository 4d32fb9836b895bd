"""The output of the command: JSON, tables and notes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Sequence[Any]
GAP = 2
"""The spaces between the columns of a table."""
LEAST = 20
"""The fewest characters to which a column is cut."""
_STYLES = {
    **dict.fromkeys(("completed", "delivered", "active"), "green"),
    **dict.fromkeys(("failed", "dead", "lost", "open"), "red"),
    **dict.fromkeys(("processing", "running", "sending", "probing"), "cyan"),
    **dict.fromkeys(("cancelled", "paused", "retry", "skipped"), "yellow"),
}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z")


def write(value: object) -> None:
    """Write *value* to standard output: text unchanged, None not at all, all else as JSON."""
    if value is not None:
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def print_note(line: str) -> None:
    """Write *line* to standard error."""
    sys.stderr.write(f"{printable(line)}\n")  # at once: threads write lines at the same time
    sys.stderr.flush()


def write_table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write *rows* to standard output: fitted to a terminal, otherwise as aligned text."""
    if sys.stdout.isatty():
        print_table(Console(), columns, list(rows))
    else:
        write(as_table(columns, rows))


def as_table(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a table of *rows* with aligned *columns*."""
    lines = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    padded = (
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(padded)


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write *rows* to a terminal.

    A terminal that is too narrow continues a row in its next line, so that no column is missing.
    """
    widths = widths_within(console.width, columns, rows)
    console.width = max(console.width, _all_of(widths))
    console.print(terminal_table(console.width, columns, rows))


def terminal_table(room: int, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return a table of *rows* for *room* characters; times are in the zone of this machine."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    widths = widths_within(room, columns, rows)
    for place, (name, width) in enumerate(zip(columns, widths, strict=True)):
        table.add_column(name, no_wrap=place < len(columns) - 1, width=width)
    for row in rows:
        table.add_row(*(Text(short(value), style=_STYLES.get(str(value), "")) for value in row))
    return table


def widths_within(room: int, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
    """Return the widths of *columns*, which fit into *room* characters if that is possible.

    The first column is never cut, because other commands take the ids in it. Wide columns are cut
    until the table fits, the last column first, but none to less than ``LEAST`` characters.
    """
    widths = [
        max(cell_len(name), *(cell_len(short(row[place])) for row in rows), 0)
        for place, name in enumerate(columns)
    ]
    for place in range(len(columns) - 1, 0, -1):
        excess = max(0, _all_of(widths) - room)
        widths[place] = max(widths[place] - excess, min(widths[place], LEAST))
    return widths


def _all_of(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def short(value: object) -> str:
    """Return *value* as the text of a cell; a time is written in the zone of this machine."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return datetime.fromisoformat(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return cell(value)


def cell(value: object) -> str:
    """Return *value* as the text of a cell."""
    if value is None:
        return "-"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return printable(text)


def printable(text: str) -> str:
    """Return *text* with unprintable characters replaced: they could control the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
