"""Runs one request in a child process of its own, with limits and a kill switch.

For work that burns CPU or feeds untrusted bytes to native code. The child is a Python module that
calls ``confinement.serve``; it gets its request as JSON on standard input (so that no secret stands
in its arguments or environment) and answers with JSON lines. Whatever happens, its whole process
group is dead when ``Sandbox.run`` returns or raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.log import get_logger
from secretary_worker.confinement import END, EXIT_OUT_OF_MEMORY, PARENT_PID, Limits

JsonObject = dict[str, Any]
OnMessage = Callable[[JsonObject], None]

log = get_logger(__name__)

# What native code writes to standard error when an allocation fails and it gives up.
_OUT_OF_MEMORY_MARKS = ("bad_alloc", "Cannot allocate memory", "MemoryError")
_STDERR_KEPT = 4096
# Descendants that left the group may hold standard error open; nobody waits for those.
_STDERR_GRACE_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the parent watches over, on top of the limits the child sets for itself."""

    timeout_sec: float
    """Wall clock for the whole request."""
    line_bytes: int = 16 * 2**20
    """One message at most."""
    output_bytes: int = 64 * 2**20
    """All messages together at most; they are held in this process's memory."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended that said no last word."""

    returncode: int
    """Negative: the signal that ended it."""
    stderr: str
    """The tail of its standard error."""


class _Overflow(Exception):
    """The child sent more than it may."""


class Sandbox:
    """Runs requests in children, one process each. Safe to share."""

    def __init__(self, limits: Limits, bounds: Bounds) -> None:
        self._limits = limits
        self._bounds = bounds

    async def run(
        self, module: str, request: JsonObject, *, on_message: OnMessage, files: Sequence[int] = ()
    ) -> float:
        """Run *request* in *module* and give each of its messages to *on_message*.

        Args:
            module: an importable module that calls ``confinement.serve`` when it is run.
            request: JSON; may hold secrets.
            on_message: called in the event loop, in order.
            files: descriptors the child keeps under the same numbers.

        Returns:
            the CPU seconds the child used.

        Raises:
            PermanentError: with the child's own code, or PARSE_TIMEOUT (CPU or wall clock),
                PARSE_MEMORY_LIMIT (memory or output) or PARSER_CRASHED.
        """
        process = await self._start(module, files)
        stderr = asyncio.create_task(_tail(process.stderr))
        try:
            async with asyncio.timeout(self._bounds.timeout_sec) as clock:
                end = await self._converse(process, request, on_message)
                if end is None:
                    await process.wait()
        except TimeoutError:
            if not clock.expired():
                raise
            raise _timed_out() from None
        except _Overflow as error:
            raise PermanentError(str(error), code=ErrorCode.PARSE_MEMORY_LIMIT) from None
        finally:
            _kill_group(process.pid)
            await process.wait()
            await asyncio.wait([stderr], timeout=_STDERR_GRACE_SEC)
            stderr.cancel()
        if end is not None:
            return _conclude(end)
        ending = Ending(process.returncode or 0, stderr.result() if stderr.done() else "")
        log.warning("sandbox.child_lost", exit=ending.returncode, stderr=ending.stderr)
        raise judge(ending)

    async def _start(self, module: str, files: Sequence[int]) -> asyncio.subprocess.Process:
        # Started from the loop's own thread: the kernel ends the child when the *thread* that
        # started it ends (PR_SET_PDEATHSIG), so a pool's thread would be the wrong parent.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", "-X", "utf8", "-m", module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=self._bounds.line_bytes,
            pass_fds=files,
            start_new_session=True,
            cwd="/",
            # One thread for OCR: jobs run side by side already.
            env={
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "OMP_THREAD_LIMIT": "1",
                PARENT_PID: str(os.getpid()),
            },
        )

    async def _converse(
        self, process: asyncio.subprocess.Process, request: JsonObject, on_message: OnMessage
    ) -> JsonObject | None:
        """The child's last word; None if its output ended without one."""
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the child was started without pipes")
        envelope = {"parent": os.getpid(), "limits": asdict(self._limits), "request": request}
        await _send(process.stdin, json.dumps(envelope).encode())
        received = 0
        while (line := await _line(process.stdout)).endswith(b"\n"):
            received += len(line)
            if received > self._bounds.output_bytes:
                raise _Overflow(f"more than {self._bounds.output_bytes} bytes of output")
            message = _parse(line)
            if END in message:
                end: JsonObject = message[END]
                return end
            on_message(message)
        return None


def judge(ending: Ending) -> PermanentError:
    """The error a child's death without a last word amounts to."""
    details = {"exit": _describe(ending.returncode)}
    if ending.returncode == -signal.SIGXCPU:
        return _timed_out()
    starved = any(mark in ending.stderr for mark in _OUT_OF_MEMORY_MARKS)
    if ending.returncode == EXIT_OUT_OF_MEMORY or (ending.returncode and starved):
        message = "the document needs more memory than it may use"
        return PermanentError(message, code=ErrorCode.PARSE_MEMORY_LIMIT)
    message = f"the parser crashed ({details['exit']})"
    return PermanentError(message, code=ErrorCode.PARSER_CRASHED, details=details)


def _timed_out() -> PermanentError:
    message = "the document takes more time than it may use"
    return PermanentError(message, code=ErrorCode.PARSE_TIMEOUT)


def _conclude(end: JsonObject) -> float:
    if "code" not in end:
        return float(end["cpu_sec"])
    # The child has read untrusted bytes: its codes are looked up, not believed.
    known = end["code"] in ErrorCode.__members__
    code = end["code"] if known else ErrorCode.PARSER_CRASHED
    raise PermanentError(str(end["message"]), code=code)


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def _send(stdin: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()


def _parse(line: bytes) -> JsonObject:
    with contextlib.suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict):
            return message
    raise PermanentError("the parser's answer is garbled", code=ErrorCode.PARSER_CRASHED)


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # asyncio's word for a line over the limit
        raise _Overflow("one page has more text than it may have") from None


async def _tail(stream: asyncio.StreamReader | None) -> str:
    kept = b""
    while stream is not None and (chunk := await stream.read(_STDERR_KEPT)):
        kept = (kept + chunk)[-_STDERR_KEPT:]
    return kept.decode(errors="replace")
