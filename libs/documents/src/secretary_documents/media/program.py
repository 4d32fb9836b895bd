"""Runs a program that is not ours on bytes that are not ours, with limits and a kill switch.

Whatever happens, its whole process group is dead when ``run_program`` returns or raises.
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

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker import Limits

OnLine = Callable[[str], None]
Watch = Callable[[], Awaitable[None]]

_LAUNCHER = "secretary_documents.media.launcher"
_CHUNK = 2**16
_LINE_CHARACTERS = 1000
_STDERR_KEPT = 4096
_OUTPUT_BYTES = 2**20
# Descendants that left the group may hold the pipes open; nobody waits for those.
_PIPE_GRACE_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run."""

    program: str
    """Its full path."""
    arguments: tuple[str, ...]
    limits: Limits
    timeout_sec: float
    """On the clock."""
    files: tuple[int, ...] = ()
    """Descriptors it keeps under the same numbers."""
    output: int | None = None
    """The descriptor its standard output goes to; None: it is kept, 1 MiB at most."""
    folder: Path = Path("/")
    """Where it runs, and its home."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    returncode: int
    """Negative: the signal that ended it."""
    output: bytes
    stderr: str
    """The tail of its standard error."""


async def run_program(
    command: Command, *, on_line: OnLine | None = None, watch: Watch | None = None
) -> Ended:
    """Run *command* to its end.

    Args:
        command: what to run.
        on_line: is given each line of standard error, in order; long ones are cut.
        watch: runs beside the program; what it raises ends the program and is raised here.

    Raises:
        PermanentError: MEDIA_TIMEOUT, it took longer than it may.
    """
    process = await _start(command)
    reading = _Reading(process, on_line)
    watching = asyncio.ensure_future(watch()) if watch else None
    try:
        async with asyncio.timeout(command.timeout_sec) as clock:
            await _ended(process, watching)
    except TimeoutError:
        if not clock.expired():
            raise
        raise timed_out(command.program) from None
    finally:
        _kill_group(process.pid)
        if watching is not None:
            watching.cancel()
        await process.wait()
        await reading.finish()
    return Ended(process.returncode or 0, bytes(reading.output), reading.tail)


def timed_out(program: str) -> PermanentError:
    """The error of a recording that takes *program* too long."""
    message = f"{Path(program).name} takes more time for this recording than it may use"
    return PermanentError(message, code=ErrorCode.MEDIA_TIMEOUT)


async def _start(command: Command) -> asyncio.subprocess.Process:
    # Started from the loop's own thread: the kernel ends the child when the *thread* that started
    # it ends (PR_SET_PDEATHSIG), so a pool's thread would be the wrong parent.
    limits, parent = json.dumps(asdict(command.limits)), str(os.getpid())
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", "-X", "utf8", "-m", _LAUNCHER),
        *(limits, parent, command.program, *command.arguments),
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
        },
    )


async def _ended(
    process: asyncio.subprocess.Process, watching: asyncio.Future[None] | None
) -> None:
    ending = asyncio.ensure_future(process.wait())
    both: set[asyncio.Future[Any]] = {ending} if watching is None else {ending, watching}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done() and watching is not None:
            watching.result()  # raises: a watch does not end by itself
    finally:
        ending.cancel()


class _Reading:
    """Takes what a program says, and keeps no more of it than it may."""

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
        """Wait until all is read."""
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
