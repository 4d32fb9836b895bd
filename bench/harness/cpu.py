"""CPU time by process and thread, from /proc."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_NUMBER = re.compile(r"[-.:_ ]*\d+(:\d+)?$")
# In /proc/<pid>/stat, counted from the state, which follows the command in parentheses.
_PARENT, _UTIME, _STIME, _CUTIME, _CSTIME, _RSS = 1, 11, 12, 13, 14, 21

Processes = Mapping[str, Iterable[int]]
"""The ids of the processes of each name. Their children belong to them."""


def cpu_sec(processes: Processes) -> dict[str, float]:
    """Return the CPU seconds of each name so far, including children."""
    parents = _parents()
    return {
        name: sum(_total(pid) for pid in _with_children(pids, parents))
        for name, pids in processes.items()
    }


def thread_sec(processes: Processes) -> dict[str, float]:
    """Return the CPU seconds of the living threads as ``process/thread``.

    Threads whose names differ only by a number count together. A thread without a name of its own
    counts as ``main`` or ``other threads``.
    """
    parents = _parents()
    found: defaultdict[str, float] = defaultdict(float)
    for name, pids in processes.items():
        for pid in _with_children(pids, parents):
            for thread, seconds in _threads(pid):
                found[f"{name}/{thread}"] += seconds
    return dict(found)


def memory_mb(processes: Processes) -> dict[str, float]:
    """Return the resident memory of each name in MB, including children."""
    parents = _parents()
    return {
        name: sum(
            int(fields[_RSS]) * _PAGE_BYTES / 1e6
            for pid in _with_children(pids, parents)
            if (fields := _stat(PROC / str(pid) / "stat")[1])
        )
        for name, pids in processes.items()
    }


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the differences, largest first."""
    pairs = ((name, value - before.get(name, 0.0)) for name, value in after.items())
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def _stat(path: Path) -> tuple[str, list[str]]:
    """Return the command and the fields after it; no fields after the end of the process."""
    try:
        head, _, tail = path.read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return "", []
    return head.partition("(")[2], tail.split()


def _parents() -> dict[int, int]:
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    stats = ((pid, _stat(PROC / str(pid) / "stat")[1]) for pid in pids)
    return {pid: int(fields[_PARENT]) for pid, fields in stats if fields}


def _with_children(roots: Iterable[int], parents: Mapping[int, int]) -> set[int]:
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _total(pid: int) -> float:
    """Return the CPU seconds of a process and of its children that have ended."""
    fields = _stat(PROC / str(pid) / "stat")[1]
    return (
        sum(int(fields[at]) for at in (_UTIME, _STIME, _CUTIME, _CSTIME)) / _TICKS
        if fields
        else 0.0
    )


def _threads(pid: int) -> Iterable[tuple[str, float]]:
    tasks = PROC / str(pid) / "task"
    process = _stat(PROC / str(pid) / "stat")[0]
    try:
        threads = list(tasks.iterdir())
    except FileNotFoundError:
        return
    for thread in threads:
        name, fields = _stat(thread / "stat")
        if fields:
            seconds = (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
            yield _thread_name(name, process, is_main=int(thread.name) == pid), seconds


def _thread_name(name: str, process: str, *, is_main: bool) -> str:
    if is_main:
        return "main"
    return "other threads" if name == process else _NUMBER.sub("", name)
