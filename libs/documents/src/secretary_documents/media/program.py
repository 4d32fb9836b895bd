"""Runs an external program on untrusted bytes, with limits.

When ``run_program`` returns or raises, the program's whole process group is dead.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker import ProcessLimits, ProgramAccess

OnLine = Callable[[str], None]
Watch = Callable[[], Awaitable[None]]

_LAUNCHER = "secretary_documents.media.launcher"
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
_CHUNK = 2**16
_LINE_CHARACTERS = 1000
_STDERR_KEPT = 4096
_OUTPUT_BYTES = 2**20
# Descendants that left the group may hold the pipes open. The worker does not wait for them.
_PIPE_GRACE_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run."""

    program: str
    """The full path."""
    arguments: tuple[str, ...]
    limits: ProcessLimits
    timeout_sec: float
    """The limit of wall-clock time."""
    files: tuple[int, ...] = ()
    """File descriptors that the program inherits, under the same numbers."""
    output: int | None = None
    """The descriptor for the standard output. With None the result has the first MiB of it."""
    folder: Path = Path("/")
    """The working directory and the home of the program, which it may change unless it is ``/``."""
    readable: tuple[str, ...] = ()
    """Files and folders that the program may read, besides those of the system's programs."""
    proxy: str = ""
    """The URL of a proxy on this machine, the only network of the program. With a proxy it may also
    start other programs; empty: neither."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """The end of a program, with its output."""

    returncode: int
    """The exit code. If negative, the number of the signal that ended the program."""
    output: bytes
    stderr: str
    """The last part of the standard error."""


async def run_program(
    command: Command, *, on_line: OnLine | None = None, watch: Watch | None = None
) -> ProgramResult:
    """Run *command* to its end.

    Args:
        command: the program and its limits.
        on_line: called with each line of standard error, in order. Long lines are cut.
        watch: runs at the same time. If *watch* raises an error, the program is killed, and
            this function raises the error.

    Raises:
        PermanentError: MEDIA_TIMEOUT, the program took longer than ``timeout_sec``.
    """
    process = await _started(command)
    reading = _Reading(process, on_line)
    watching = asyncio.ensure_future(watch()) if watch else None
    try:
        async with asyncio.timeout(command.timeout_sec) as clock:
            await _wait(process, watching)
    except TimeoutError:
        if not clock.expired():
            raise
        raise timeout_error(command.program) from None
    finally:
        _kill_group(process.pid)
        if watching is not None:
            watching.cancel()
        await process.wait()
        await reading.finish()
    return ProgramResult(process.returncode or 0, bytes(reading.output), reading.tail)


def timeout_error(program: str) -> PermanentError:
    """Return the error for a recording on which *program* takes too long."""
    message = f"{Path(program).name} takes more time for this recording than its limit allows"
    return PermanentError(message, code=ErrorCode.MEDIA_TIMEOUT)


async def _started(command: Command) -> asyncio.subprocess.Process:
    """Start *command*; if the caller is cancelled meanwhile, kill what has been started."""
    starting = asyncio.ensure_future(_start(command))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # asyncio itself would kill the program alone, and wait for its children, which have its
        # pipes. The callback is called even if the caller is cancelled once more.
        starting.add_done_callback(_kill_started)
        await asyncio.wait([starting])
        if process := _result(starting):
            await process.wait()
            await _Reading(process, None).finish()
        raise


def _kill_started(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    if process := _result(starting):
        _kill_group(process.pid)


def _result(
    starting: asyncio.Future[asyncio.subprocess.Process],
) -> asyncio.subprocess.Process | None:
    return None if starting.cancelled() or starting.exception() else starting.result()


async def _start(command: Command) -> asyncio.subprocess.Process:
    # The loop's own thread starts the child. It must not be a thread of a pool, because the kernel
    # ends the child when the *thread* that started it ends (PR_SET_PDEATHSIG).
    limits, access = (json.dumps(asdict(one)) for one in (command.limits, access_of(command)))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", "-X", "utf8", "-m", _LAUNCHER),
        *(limits, access, str(os.getpid()), command.program, *command.arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if command.output is None else command.output,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=command.files,
        start_new_session=True,
        cwd=command.folder,
        env={
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(command.folder),
            "TMPDIR": str(command.folder),
            # Not an argument: other processes may read those.
            **(dict.fromkeys(_PROXY_VARIABLES, command.proxy) if command.proxy else {}),
        },
    )


def access_of(command: Command) -> ProgramAccess:
    """Return what the program of *command* may use."""
    own_folder = command.folder != Path("/")
    return ProgramAccess(
        files=command.files,
        readable=command.readable,
        writable=[str(command.folder)] if own_folder else [],
        proxy_port=urlsplit(command.proxy).port,
        programs=bool(command.proxy),
    )


async def _wait(process: asyncio.subprocess.Process, watching: asyncio.Future[None] | None) -> None:
    exiting = asyncio.ensure_future(process.wait())
    both: set[asyncio.Future[Any]] = {exiting} if watching is None else {exiting, watching}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not exiting.done() and watching is not None:
            watching.result()  # raises, because a watch does not return
    finally:
        exiting.cancel()


class _Reading:
    """Reads a program's output and keeps a limited part of it."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: OnLine | None) -> None:
        self.output = bytearray()
        self.tail = ""
        self._on_line = on_line
        streams = ((process.stdout, self._take_output), (process.stderr, self._take_error))
        self._rest = ""
        self._tasks = [
            asyncio.create_task(_drain(stream, take)) for stream, take in streams if stream
        ]

    async def finish(self) -> None:
        """Wait until all output is read, or until the pipes have been open for too long."""
        await asyncio.wait(self._tasks, timeout=_PIPE_GRACE_SEC)
        for task in self._tasks:
            task.cancel()
        self._line(self._rest)

    def _take_output(self, chunk: bytes) -> None:
        self.output += chunk[: _OUTPUT_BYTES - len(self.output)]

    def _take_error(self, chunk: bytes) -> None:
        text = chunk.decode(errors="replace")
        self.tail = (self.tail + text)[-_STDERR_KEPT:]
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[:_LINE_CHARACTERS]
        for line in lines:
            self._line(line[:_LINE_CHARACTERS])

    def _line(self, line: str) -> None:
        if self._on_line is not None and line:
            self._on_line(line)


async def _drain(stream: asyncio.StreamReader, take: Callable[[bytes], None]) -> None:
    while chunk := await stream.read(_CHUNK):
        take(chunk)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
