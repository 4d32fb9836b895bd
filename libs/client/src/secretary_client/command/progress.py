"""The progress of a job on standard error."""

from __future__ import annotations

import sys

from secretary_client.command.output import printable
from secretary_client.event import Event

BAR_WIDTH = 24


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
    progress, error = event.data["progress"], event.data.get("error")
    percent = progress["percent"] if progress else 0
    done = BAR_WIDTH * percent // 100
    bar = "#" * done + "-" * (BAR_WIDTH - done)
    shown = error if event.name == "failed" else progress
    text = printable(shown["message"] if shown else "")
    return f"[{bar}] {percent:3} %  {event.name:9}  {text}".rstrip()
