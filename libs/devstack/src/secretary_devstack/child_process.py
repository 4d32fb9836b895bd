"""Child processes that end with this process, even when this process is killed.

The kernel sends a child its parent-death signal when the *thread* that started the child ends
(prctl(2), PR_SET_PDEATHSIG). So one thread, which lives as long as the interpreter, starts all
children. ``setpriv`` sets the signal, because Python's ``preexec_fn`` is not safe with threads.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from secretary_devstack.error import ChildFailed

# If the parent died before the signal was set, the child would get no signal.
IF_PARENT_LIVES = '[ "$PPID" = "$0" ] && exec "$@"'
TAIL_LINES = 40
STOP_SEC = 20.0


# Made with the module: two threads that start children at once must share it. The thread of a
# second executor would end with it, and so would its child. The thread starts with the first child.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class ChildProcess:
    """One child process. Its output goes to a file."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
    ) -> None:
        """Start *argv* and append its output to *log*.

        Raises:
            ChildFailed: ``setpriv`` (util-linux) is missing.
        """
        self.name = Path(argv[0]).name
        self.log = log
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise ChildFailed("setpriv is missing: install util-linux")
        alive = ["/bin/sh", "-c", IF_PARENT_LIVES, str(os.getpid())]
        command = [setpriv, "--pdeathsig", "KILL", "--", *alive, *map(str, argv)]
        self._process = _SPAWNER.submit(_start, command, log, dict(env), cwd).result()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status; negative if a signal ended the process, None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self.returncode is None

    def wait(self, timeout_sec: float) -> int:
        """Wait until the process ends by itself; return its exit status.

        Raises:
            ChildFailed: the process did not end within *timeout_sec*.
        """
        try:
            return self._process.wait(timeout_sec)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {timeout_sec:g} s") from None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child, but not to the child's children. Do nothing after its end."""
        if self.running:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process with SIGKILL and wait for its end. Its children get no signal."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def stop(self, timeout_sec: float = STOP_SEC) -> bool:
        """End the process with SIGTERM, or with SIGKILL if it still runs after *timeout_sec*.

        Then kill the rest of its process group. Returns whether SIGTERM was enough.
        """
        self.send(signal.SIGTERM)
        ended = True
        try:
            self._process.wait(timeout_sec)
        except subprocess.TimeoutExpired:
            ended = False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        return ended

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last *lines* of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def failure(self, what: str) -> ChildFailed:
        """Return an error about the child. *what* says in words what happened."""
        return ChildFailed(f"{self.name} {what}; the end of {self.log}:\n{self.tail()}")


def _start(
    command: list[str], log: Path, env: dict[str, str], cwd: Path | None
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own servers and services, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            # Ctrl-C must reach only this process, which then stops its children in order.
            start_new_session=True,
        )
