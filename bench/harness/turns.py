"""Runs systems in turns, each turn with fresh servers in a new folder, one bench at a time."""

from __future__ import annotations

import contextlib
import fcntl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from harness.system import System

MakeSystem = Callable[[Path], System]
S = TypeVar("S", bound=System)


def say(text: str) -> None:
    """Print a step for the person that waits; results go to the standard output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def alone(lock: Path | None) -> Iterator[None]:
    """Wait until no other bench holds *lock*, then hold it."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """Yield a new folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="secretary-bench-") as name:
        yield Path(name)


@contextlib.contextmanager
def running(make: Callable[[Path], S], *, lock: Path | None = None) -> Iterator[S]:
    """Run a system in a new folder; remove the folder afterwards."""
    with alone(lock), new_folder() as folder, make(folder) as system:
        time.sleep(1)  # what a service does after its start is not part of a measurement
        yield system


def in_turns(names: Sequence[str], turns: int) -> Iterator[tuple[int, str]]:
    """Yield (turn, name) so that each turn runs every name, and every other turn backwards."""
    for turn in range(1, turns + 1):
        for name in names if turn % 2 else reversed(names):
            yield turn, name
