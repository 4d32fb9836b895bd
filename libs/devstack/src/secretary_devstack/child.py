"""Child processes that never outlive this one, not even when it is killed.

The kernel sends a child its parent-death signal when the *thread* that started it ends, so all
children are started by one thread that lives as long as the interpreter (prctl(2),
PR_SET_PDEATHSIG). ``setpriv`` sets the signal: Python's ``preexec_fn`` is not safe with threads.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from secretary_devstack.error import ChildFailed

# A parent that died before the signal was set would send none.
IF_PARENT_LIVES = '[ "$PPID" = "$0" ] && exec "$@"'
TAIL_LINES = 40
STOP_SEC = 20.0


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Child:
    """One running child process whose output goes to a file."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
    ) -> None:
        """Start *argv*; *log* is appended to.

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
        self._process = _spawner().submit(_start, command, log, dict(env), cwd).result()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.returncode is None

    def wait(self, timeout_sec: float) -> int:
        """Its exit status, once it has ended by itself.

        Raises:
            ChildFailed: it has not within *timeout_sec*.
        """
        try:
            return self._process.wait(timeout_sec)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {timeout_sec:g} s") from None

    def send(self, number: signal.Signals) -> None:
        """Send the process, and it alone, a signal; an ended one needs none."""
        if self.running:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would; its own children are left to themselves."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def stop(self, timeout_sec: float = STOP_SEC) -> bool:
        """End it politely, after *timeout_sec* by force; then whatever it left in its group.

        Returns whether politeness was enough.
        """
        self.send(signal.SIGTERM)
        polite = True
        try:
            self._process.wait(timeout_sec)
        except subprocess.TimeoutExpired:
            polite = False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        return polite

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last *lines* of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def failure(self, what: str) -> ChildFailed:
        """The error to raise about this process, with the end of its log."""
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
            start_new_session=True,  # Ctrl-C is for us; we stop our children in order
        )
