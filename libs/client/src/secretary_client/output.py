"""The output of the command: JSON, tables, a progress bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from secretary_client.error import JsonObject
from secretary_client.event import Event

BAR_WIDTH = 24


def write(value: object) -> None:
    """Write *value* to standard output: text unchanged, None not at all, all else as JSON."""
    if value is not None:
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding))


def print_note(line: str) -> None:
    """Write *line* to standard error."""
    print(printable(line), file=sys.stderr)


def as_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table of *rows* with aligned *columns*."""
    lines = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(padded)


class Progress:
    """Shows the progress of a job on standard error: a bar on a terminal, otherwise lines."""

    def __init__(self) -> None:
        self._redraws = sys.stderr.isatty()

    def show(self, event: Event) -> None:
        """Show the progress of *event*."""
        line = described(event)
        if self._redraws:
            end = "\n" if event.is_last else ""
            sys.stderr.write(f"\r\x1b[K{line}{end}")
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def described(event: Event) -> str:
    """Return *event* as one line."""
    progress: JsonObject = event.data.get("progress") or {}
    percent = int(progress.get("percent", 0))
    done = BAR_WIDTH * percent // 100
    bar = "#" * done + "-" * (BAR_WIDTH - done)
    error: JsonObject = event.data.get("error") or {}
    text = error.get("message") if event.name == "failed" else progress.get("message")
    return f"[{bar}] {percent:3} %  {event.name:9}  {printable(str(text or ''))}".rstrip()


def _cell(value: object) -> str:
    if value is None:
        return "-"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return printable(text)


def printable(text: str) -> str:
    """Return *text* with unprintable characters replaced: they could control the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
