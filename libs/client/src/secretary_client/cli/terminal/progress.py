"""The progress of jobs on standard error: bars on a terminal, otherwise lines."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from secretary_client.cli.terminal.output import print_note, printable
from secretary_client.event import TERMINAL, Event

BAR_WIDTH = 24
_MB = 1_000_000
_COUNTED = re.compile(r"(page|file|part|image) ([0-9]{1,9}) of ([0-9]{1,9})")


class Bar(Protocol):
    """The progress of one job."""

    def uploading(self, done: int, size: int) -> None:
        """Show that *done* of *size* bytes are sent."""

    def show(self, event: Event, note: str = "") -> None:
        """Show the progress of *event*; *note* says why a job waits."""

    def end(self, text: str) -> None:
        """Show the outcome."""


class Bars(Protocol):
    """The progress of several jobs."""

    def bar(self, name: str) -> Bar:
        """Add a bar with the label *name*."""
        ...


@contextmanager
def bars_for(jobs: int) -> Iterator[Bars]:
    """Show bars for so many *jobs* on a terminal, otherwise lines, inside a ``with`` statement."""
    if sys.stderr.isatty():
        with bars_on(Console(stderr=True)) as bars:
            yield bars
    else:
        yield LineBars(named=jobs > 1)


@contextmanager
def bars_on(console: Console, now: Callable[[], float] = time.monotonic) -> Iterator[Bars]:
    """Redraw one line for each job on a terminal; *now* is a clock in seconds."""
    columns = (
        TextColumn("{task.fields[label]}"),
        BarColumn(BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield TerminalBars(progress, now)


class LineBars:
    """Writes a line for each event."""

    def __init__(self, *, named: bool) -> None:
        """*named*: begin each line with the label."""
        self._named = named

    def bar(self, name: str) -> Bar:
        """Add a bar with the label *name*."""
        return _Line(f"{name}: " if self._named else "")


class _Line:
    def __init__(self, label: str) -> None:
        self._label = label

    def uploading(self, done: int, size: int) -> None:
        pass

    def show(self, event: Event, note: str = "") -> None:
        print_note(f"{self._label}{described(event, note)}")

    def end(self, text: str) -> None:
        if self._label:
            print_note(f"{self._label}{text}")


class TerminalBars:
    """Redraws one line for each job."""

    def __init__(self, progress: Progress, now: Callable[[], float]) -> None:
        """*progress* draws; *now* is a clock in seconds."""
        self._progress = progress
        self._now = now

    def bar(self, name: str) -> Bar:
        """Add a bar with the label *name*."""
        label = escape(printable(name))
        task = self._progress.add_task("", total=100, label=label, state="")
        return _TerminalBar(self._progress, task, self._now)


class _TerminalBar:
    def __init__(self, progress: Progress, task: TaskID, now: Callable[[], float]) -> None:
        self._progress = progress
        self._task = task
        self._upload = Speed(now)
        self._pages = Speed(now)

    def uploading(self, done: int, size: int) -> None:
        speed = self._upload.at(done)
        state = f"uploading {done / _MB:.1f} of {size / _MB:.1f} MB"
        rate = f", {speed / _MB:.1f} MB/s" if speed else ""
        self._draw(100 * done / (size or 1), state + rate)

    def show(self, event: Event, note: str = "") -> None:
        text = text_of(event, note)
        counted = _COUNTED.search(text)
        if counted and (speed := self._pages.at(int(counted[2]))):
            text = f"{text}, {speed:.1f} {counted[1]}s/s"
        self._draw(percent_of(event), f"{label_of(event)} {text}")

    def end(self, text: str) -> None:
        self._draw(None, text)

    def _draw(self, percent: float | None, state: str) -> None:
        self._progress.update(self._task, completed=percent, state=escape(printable(state)))


class Speed:
    """How fast a count grows."""

    def __init__(self, now: Callable[[], float]) -> None:
        """*now*: a clock in seconds."""
        self._now = now
        self._first: tuple[float, int] | None = None

    def at(self, count: int) -> float | None:
        """Return how much the count grew in a second since it was first seen; None: unknown."""
        now = self._now()
        if self._first is None or count < self._first[1]:
            self._first = (now, count)
        since, first = self._first
        return (count - first) / (now - since) if now > since and count > first else None


def described(event: Event, note: str = "") -> str:
    """Return *event* as one line."""
    percent = percent_of(event)
    done = BAR_WIDTH * percent // 100
    bar = "#" * done + "-" * (BAR_WIDTH - done)
    text = printable(text_of(event, note))
    return f"[{bar}] {percent:3} %  {label_of(event):9}  {text}".rstrip()


def label_of(event: Event) -> str:
    """Return the state of the job in one word."""
    return "running" if event.name == "progress" else event.name


def percent_of(event: Event) -> int:
    """Return the progress in percent; the work of a completed job is done."""
    progress = event.data["progress"]
    if event.name == "completed":
        return 100
    return progress["percent"] if progress else 0


def text_of(event: Event, note: str) -> str:
    """Return what the job says: its step, or why it failed or waits."""
    progress, error = event.data["progress"], event.data["error"]
    if event.name not in TERMINAL and note:
        return note
    if event.name == "failed" and error:
        return error["message"]
    return progress["message"] or progress["step"] if progress else ""
