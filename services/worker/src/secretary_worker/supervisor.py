"""``secretary-worker``: runs the worker, if needed below a supervisor that outlives the worker.

When the first process of a container ends, the kernel ends all others at once. systemd does the
same when the main process of a unit ends. Then the watchdog of a dead worker would have no time to
record which job's code ended the worker. So in a container, and below systemd, this process is the
supervisor and the worker is its child. The supervisor passes signals on, waits for the worker and
its watchdog, and ends with the worker's exit code.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

from secretary_common.secrets.hidden_process import hide
from secretary_worker.sandbox.kernel import PR_SET_CHILD_SUBREAPER, prctl
from secretary_worker.sandbox.limits import die_with_parent

NOT_LINUX = (
    "secretary-worker: the worker runs only on Linux, whose memfd, pidfd and prctl its sandbox and "
    "watchdog need; run it in a container or on a Linux machine"
)
WATCHDOG_SEC = 35.0
"""How long the watchdog may take to record a death. The watchdog's own deadline is shorter."""
EXIT_BY_SIGNAL = 128

_PASSED_ON = (signal.SIGTERM, signal.SIGINT)
_FIRST = 1  # the process id of systemd; in a container the first process has the parent 0
_POLL_SEC = 0.05


def main() -> None:
    """Run the worker until it ends. On a system other than Linux, exit with a message."""
    if platform.system() != "Linux":
        sys.exit(NOT_LINUX)
    hide()  # the environment holds secrets
    if os.getppid() <= _FIRST:
        sys.exit(supervise(_work))
    _work()


def supervise(work: Callable[[], None]) -> int:
    """Run *work* in a child process. Return its exit code, or 128 + n if signal n ended the child.

    If the child failed, its own child processes have 35 s to end.
    """
    # The child processes of a dead worker become children of this process.
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    # A signal that arrives before this process can pass it on waits until it can.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    here, worker = os.getpid(), os.fork()
    if worker == 0:
        os.setsid()  # so that Ctrl-C reaches the worker once, from this process
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        die_with_parent(here)
        work()
        sys.exit(0)
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _: _pass_on(number, worker))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    code = os.waitstatus_to_exitcode(_reap_until(worker))
    for number in _PASSED_ON:  # the worker's process id may name another process from now on
        signal.signal(number, signal.SIG_IGN)
    if code != 0:
        _reap_all(WATCHDOG_SEC)
    return code if code >= 0 else EXIT_BY_SIGNAL - code


def _pass_on(number: int, worker: int) -> None:
    with suppress(ProcessLookupError):  # the worker has just ended
        os.kill(worker, number)


def _work() -> None:
    # Imported here, so that only the process that runs the worker has its modules.
    import_module("secretary_worker.main").main()


def _reap_until(worker: int) -> int:
    """Reap children until *worker* has ended; return its status."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == worker:
            return status


def _reap_all(within_sec: float) -> None:
    deadline = time.monotonic() + within_sec
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(_POLL_SEC)
