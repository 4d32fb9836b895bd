"""The memory of a worker's processes, from ``/proc``."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

SAMPLE_SEC = 0.5
_KIB = 1024


def resident_bytes(pid: int) -> int:
    """Return how much RAM the process *pid* uses; 0 if it does not run."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0][1]) * _KIB if lines else 0


def children_of(pid: int) -> list[int]:
    """Return the ids of the running children of the process *pid*."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(entry.name))
    return found


class ProcessMonitor:
    """Samples the memory of a worker and of its largest child, inside a ``with`` statement."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[int] = []
        """Bytes of the worker itself, one sample every ``SAMPLE_SEC``."""
        self.largest_child = 0
        self.most_children = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLE_SEC):
            self.samples.append(resident_bytes(self._pid))
            children = [child for zygote in children_of(self._pid) for child in children_of(zygote)]
            self.most_children = max(self.most_children, len(children))
            self.largest_child = max([self.largest_child, *map(resident_bytes, children)])
