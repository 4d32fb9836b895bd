"""The watchdog: a process of its own that ends a worker whose interpreter is frozen.

``python -m secretary_worker.watchdog.process WORKER_PID OWNER TICK_SEC TICKS MARKS``, with a pipe
as standard input: the engine's loop writes a byte into it at each tick. The watchdog needs nothing
of the worker's interpreter, so a C call or a regular expression that keeps the GIL cannot stop it.

``faulthandler.dump_traceback_later(…, exit=True)`` would not do: its timer also counts the time in
which the process was stopped. After SIGCONT, or when a virtual machine is moved, every worker would
end at once although all are healthy. The watchdog counts its own ticks instead. If the whole
machine stands still, so does the count. If the worker alone is stopped (SIGSTOP), the kernel shows
it, and the tick does not count.

A worker that was silent for TICKS ticks is frozen. The watchdog records the job whose code froze it
(``failure_recorder.py``), lets ``faulthandler`` print the stack of every thread, and ends the worker. If the
pipe closes without a goodbye, the worker has died, and the watchdog records the job whose code ran
at that moment. In a container ``supervisor.py`` gives it the time to do so.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from secretary_worker.watchdog import marks
from secretary_worker.watchdog.marks import Mark

BEAT, GOODBYE = b".", b"q"
DIED, FROZEN = "died", "frozen"
RECORDER = "secretary_worker.watchdog.failure_recorder"

_READ_BYTES = 4096
_RECORD_FROZEN_SEC = 5.0  # the worker lives until then, and its leases must not outlive it for long
_RECORD_DIED_SEC = 30.0  # nothing waits for it
_ABORT_SEC = 3.0  # for the worker to print its stacks


@dataclass(frozen=True, slots=True)
class Worker:
    """The watched process."""

    pid: int
    pidfd: int
    owner: str
    """The owner of its leases."""

    def is_stopped(self) -> bool:
        """Return whether a signal or a debugger has stopped it."""
        with suppress(OSError):
            return _stat(f"/proc/{self.pid}/stat")[0] in ("T", "t")
        return False

    def cpu_ticks(self, thread_id: int) -> int:
        """Return the CPU time of one of its threads, in ticks of the kernel's clock."""
        with suppress(OSError):
            fields = _stat(f"/proc/{self.pid}/task/{thread_id}/stat")
            return int(fields[11]) + int(fields[12])
        return 0

    def end(self) -> None:
        """Abort the worker, so that ``faulthandler`` prints its stacks; then kill it."""
        with suppress(OSError):  # to write a large core takes longer than a lease
            resource.prlimit(self.pid, resource.RLIMIT_CORE, (0, 0))
        for number, patience_sec in ((signal.SIGABRT, _ABORT_SEC), (signal.SIGKILL, 0.0)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)
            if select.select([self.pidfd], [], [], patience_sec)[0]:
                return


def _stat(path: str) -> list[str]:
    """Return the fields of a ``stat`` file (proc(5)) from the state on.

    The fields before it hold a name, which may contain any character.
    """
    return Path(path).read_text().rpartition(")")[2].split()


@dataclass(frozen=True, slots=True)
class Observation:
    """The worker's threads at one moment."""

    marks: dict[int, Mark]
    """By the kernel's id of the thread that runs the code."""
    cpu: dict[int, int]
    """The CPU time that each of these threads has used, in ticks of the kernel's clock."""


class Watchdog:
    """Watches one worker until it ends."""

    def __init__(self, worker: Worker, memory: mmap.mmap, *, tick_sec: float, ticks: int) -> None:
        """*memory* holds the worker's marks."""
        self._worker = worker
        self._memory = memory
        self._tick_sec = tick_sec
        self._ticks = ticks

    def run(self) -> None:
        """Return when the worker has ended or sent its goodbye."""
        silent, before = 0, self._observe()
        while silent < self._ticks:
            if select.select([0], [], [], self._tick_sec)[0]:
                received = os.read(0, _READ_BYTES)
                if GOODBYE in received:
                    return
                if not received:
                    self._died()
                    return
                silent = 0
            elif not self._worker.is_stopped():
                silent += 1
                before = self._observe() if silent == self._ticks // 2 else before
        suspect = suspect_of(before, self._observe())
        self._record(FROZEN, suspect, _RECORD_FROZEN_SEC)
        self._worker.end()

    def _died(self) -> None:
        found = list(self._marks().values())
        if len(found) == 1:
            self._record(DIED, found[0], _RECORD_DIED_SEC)

    def _observe(self) -> Observation:
        found = self._marks()
        return Observation(
            found, {thread_id: self._worker.cpu_ticks(thread_id) for thread_id in found}
        )

    def _marks(self) -> dict[int, Mark]:
        return marks.read(self._memory[:])

    def _record(self, how: str, mark: Mark | None, within_sec: float) -> None:
        failure = {"how": how, "worker": self._worker.owner, "mark": mark and asdict(mark)}
        command = [sys.executable, "-I", "-B", "-m", RECORDER, json.dumps(failure)]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=within_sec, check=False)  # noqa: S603 - the arguments are the worker's own


def suspect_of(before: Observation, now: Observation) -> Mark | None:
    """Return the attempt that froze the interpreter; None if it is not clear.

    While the interpreter is frozen no mark changes. If a mark changes, only the engine's loop
    hangs, and no job is to blame. One of the marked threads keeps the GIL, and the others wait. If
    several threads are marked, it is the thread that used most of the CPU time.
    """
    if before.marks != now.marks:
        return None
    if len(now.marks) == 1:
        return next(iter(now.marks.values()))
    used = {thread_id: now.cpu[thread_id] - before.cpu[thread_id] for thread_id in now.marks}
    busiest = max(used, key=lambda thread_id: used[thread_id], default=None)
    if busiest is None or 2 * used[busiest] <= sum(used.values()):
        return None
    return now.marks[busiest]


def main() -> None:
    """Watch the worker that the command line names."""
    pid, owner, tick_sec, ticks, descriptor = sys.argv[1:]
    try:
        worker = Worker(int(pid), os.pidfd_open(int(pid)), owner)
    except ProcessLookupError:
        return
    for number in (signal.SIGTERM, signal.SIGINT):  # these signals are meant for the worker
        signal.signal(number, signal.SIG_IGN)
    memory = mmap.mmap(int(descriptor), 0, prot=mmap.PROT_READ)
    Watchdog(worker, memory, tick_sec=float(tick_sec), ticks=int(ticks)).run()


if __name__ == "__main__":
    main()
