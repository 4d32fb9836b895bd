"""The watchdog: a separate process that ends a worker whose interpreter is frozen.

``python -m secretary_worker.watchdog.process WORKER_PID OWNER TICK_SEC TICKS MARKS``, with a pipe
as standard input: the engine's loop writes a byte into the pipe at each tick. The watchdog needs
nothing of the worker's interpreter. So a C call or a regular expression that keeps the GIL cannot
stop the watchdog.

A worker is frozen if its loop wrote nothing for TICKS ticks. Then ``failure_recorder.py``, a
process that the watchdog has started after half of these ticks, logs the failure. If it is clear
which job's code froze the worker (``suspect_of``), the recorder also writes the failure into that
job. Then the watchdog ends the worker, and ``faulthandler`` prints the stack of every thread.

If the pipe closes without a goodbye, the worker has died. If exactly one thread ran a job's code at
that moment, the recorder writes the failure into that job. In a container ``supervisor.py`` gives
the recorder the time to finish.

``faulthandler.dump_traceback_later(…, exit=True)`` cannot replace the watchdog, because its timer
also counts the time in which the worker was stopped. After SIGCONT, or after a virtual machine was
moved, every worker would end although all are healthy. The watchdog counts its own ticks instead.
It counts nothing while the whole machine stands still, and it does not count a tick in which only
the worker is stopped (SIGSTOP).

A stopped worker is not ended, because an operator may have stopped it. But if it is stopped for
TICKS ticks while exactly one thread runs a job's code, the recorder writes this into the job: a job
that stops one worker after another is poison.
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

from secretary_common.secrets.hidden_process import hide
from secretary_worker.watchdog import marks
from secretary_worker.watchdog.marks import Mark

BEAT, GOODBYE = b".", b"q"
DIED, FROZEN, STOPPED = "died", "frozen", "stopped"  # also in ``models``, too large to import
RECORDER = "secretary_worker.watchdog.failure_recorder"

_READ_BYTES = 4096
_RECORD_FROZEN_SEC = 5.0  # the frozen worker keeps its jobs until then
_RECORD_DIED_SEC = 30.0  # the worker is gone, so nothing else waits for the recorder
_ABORT_SEC = 3.0  # for the worker to print its stacks


@dataclass(frozen=True, slots=True)
class WatchedWorker:
    """The watched process."""

    pid: int
    pidfd: int
    owner: str
    """The owner of the worker's leases."""

    def is_stopped(self) -> bool:
        """Return whether a signal or a debugger has stopped the worker."""
        with suppress(OSError):
            return _stat(f"/proc/{self.pid}/stat")[0] in ("T", "t")
        return False

    def cpu_ticks(self, thread_id: int) -> int:
        """Return the CPU time of a thread of the worker, in ticks of the kernel's clock."""
        with suppress(OSError):
            fields = _stat(f"/proc/{self.pid}/task/{thread_id}/stat")
            return int(fields[11]) + int(fields[12])
        return 0

    def end(self) -> None:
        """Abort the worker, so that ``faulthandler`` prints its stacks; kill it if it lives on."""
        with suppress(OSError):  # writing a large core dump takes longer than a lease
            resource.prlimit(self.pid, resource.RLIMIT_CORE, (0, 0))
        for number, patience_sec in ((signal.SIGABRT, _ABORT_SEC), (signal.SIGKILL, 0.0)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)
            if select.select([self.pidfd], [], [], patience_sec)[0]:
                return


def _stat(path: str) -> list[str]:
    """Return the fields of a ``stat`` file (proc(5)) from the state on.

    The fields before the state hold a name, which may contain any character.
    """
    return Path(path).read_text().rpartition(")")[2].split()


@dataclass(frozen=True, slots=True)
class Observation:
    """The marked threads of the worker at one moment."""

    marks: dict[int, Mark]
    """The marks by the kernel's id of the thread that runs the code."""
    cpu: dict[int, int]
    """The CPU time that each marked thread has used, in ticks of the kernel's clock."""


class Watchdog:
    """Watches one worker until the worker ends."""

    def __init__(
        self, worker: WatchedWorker, memory: mmap.mmap, *, tick_sec: float, ticks: int
    ) -> None:
        """*memory* holds the worker's marks."""
        self._worker = worker
        self._memory = memory
        self._tick_sec = tick_sec
        self._ticks = ticks
        self._recorder: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Watch until the worker sends its goodbye, dies, or is ended because it is frozen."""
        silent, stopped, before = 0, 0, self._observe()
        while silent < self._ticks:
            if select.select([0], [], [], self._tick_sec)[0]:
                received = os.read(0, _READ_BYTES)
                if GOODBYE in received:
                    return
                if not received:
                    self._died()
                    return
                silent = stopped = 0
                self._dismiss_recorder()
            elif self._worker.is_stopped():
                stopped += 1
                self._note_stop(stopped)
            else:
                silent += 1
                if silent == self._ticks // 2:
                    before = self._observe()
                    self._start_recorder()
        suspect = suspect_of(before, self._observe())
        self._record(FROZEN, suspect, _RECORD_FROZEN_SEC)
        self._worker.end()
        self._wait_for_recorder(_RECORD_DIED_SEC)

    def _note_stop(self, ticks: int) -> None:
        """Record a stop of the worker once, if it is clear which job's code ran."""
        if ticks == self._ticks // 2:
            self._start_recorder()
        elif ticks == self._ticks:
            found = list(self._marks().values())
            if len(found) == 1:
                self._record(STOPPED, found[0], _RECORD_DIED_SEC)
            self._dismiss_recorder()

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
        """Send the failure to the recorder, and wait at most *within_sec* for its end."""
        failure = {"how": how, "worker": self._worker.owner, "mark": mark and asdict(mark)}
        stdin = self._start_recorder().stdin
        if stdin is not None:
            with suppress(OSError):  # the recorder has died
                stdin.write(json.dumps(failure).encode())
                stdin.close()
        self._wait_for_recorder(within_sec)

    def _start_recorder(self) -> subprocess.Popen[bytes]:
        """Return the recorder; start it if it does not run.

        Call this early, because the recorder's imports take seconds on a busy machine.
        """
        if self._recorder is None:
            self._recorder = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-I", "-B", "-m", RECORDER], stdin=subprocess.PIPE
            )
        return self._recorder

    def _dismiss_recorder(self) -> None:
        """End a recorder that is not needed because the worker has sent a beat again."""
        if self._recorder is not None:
            self._recorder.kill()
            self._recorder.communicate()
            self._recorder = None

    def _wait_for_recorder(self, seconds: float) -> None:
        if self._recorder is not None:
            with suppress(subprocess.TimeoutExpired):
                self._recorder.wait(seconds)


def suspect_of(before: Observation, now: Observation) -> Mark | None:
    """Return the attempt whose code froze the interpreter; None if this is not clear.

    While the interpreter is frozen, no mark changes. If a mark has changed, only the engine's loop
    hangs, and no job is to blame. If one thread is marked, its job is to blame. If several threads
    are marked, one of them keeps the GIL and the others wait. Then the job of the thread that used
    more than half of their CPU time is to blame; without such a thread the result is None.
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
    hide()
    pid, owner, tick_sec, ticks, descriptor = sys.argv[1:]
    try:
        worker = WatchedWorker(int(pid), os.pidfd_open(int(pid)), owner)
    except ProcessLookupError:
        return
    for number in (signal.SIGTERM, signal.SIGINT):  # these signals are meant for the worker
        signal.signal(number, signal.SIG_IGN)
    memory = mmap.mmap(int(descriptor), 0, prot=mmap.PROT_READ)
    Watchdog(worker, memory, tick_sec=float(tick_sec), ticks=int(ticks)).run()


if __name__ == "__main__":
    main()
