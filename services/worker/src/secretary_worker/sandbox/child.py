"""The parent's side of one child: sends requests and receives answers, as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from secretary_common.errors import (
    ErrorCode,
    Lack,
    PermanentError,
    SecretaryError,
    TransientError,
    WorkerUnfit,
)
from secretary_common.runtime.log import get_logger
from secretary_worker.sandbox.exit_status import ExitStatus, error_of, timed_out
from secretary_worker.sandbox.limits import END
from secretary_worker.sandbox.zygote_client import ChildSockets

JsonObject = dict[str, Any]
OnMessage = Callable[[JsonObject], None]

log = get_logger(__name__)

LINE_BYTES = 16 * 2**20
OUTPUT_BYTES = 128 * 2**20
_STDERR_KEPT = 4096
# A process that left the group may keep standard error open. The parent waits only this long.
_STDERR_GRACE_SEC = 1.0
# A killed child is gone in milliseconds. If a child is not gone after this time, the zygote hangs.
_KILL_SEC = 5.0
_STATUS_BYTES = 32


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """The limits of one answer, which the parent enforces. ``ProcessLimits`` apply as well."""

    timeout_sec: float
    """The longest wall-clock time of an answer."""
    silence_sec: float | None = None
    """The longest wall-clock time between two messages of an answer; None is no limit."""
    line_bytes: int = LINE_BYTES
    """The largest message, in bytes."""
    output_bytes: int = OUTPUT_BYTES
    """The largest total of all messages of an answer, in bytes."""


class _Silent(Exception):
    """Raised if the child has sent no message for too long."""


class _Overflow(Exception):
    """Raised if the child sends more than ``AnswerLimits`` allow."""


class Child:
    """One child process. It answers one request at a time, and no request after an error."""

    def __init__(
        self,
        sockets: ChildSockets,
        channel: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        stderr: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        answer_limits: AnswerLimits,
        *,
        codes: frozenset[str],
        on_hang: Callable[[], None],
    ) -> None:
        """Take over the sockets of a new child.

        Args:
            sockets: all sockets.
            channel: the opened channel.
            stderr: the opened standard error.
            answer_limits: the limits of each answer.
            codes: the error codes that the child may raise, in addition to ``ErrorCode``.
            on_hang: called if the zygote does not start the child within the time of an answer.
        """
        self._status = sockets.status
        self._reader, self._writer = channel
        self._stderr_writer = stderr[1]
        self._answer_limits = answer_limits
        self._codes = codes
        self._on_hang = on_hang
        self._tail = asyncio.create_task(_tail(stderr[0]))
        self._ended = asyncio.create_task(self._watch())
        self.pid: int | None = None
        """The process id, once the zygote has reported it."""
        self.cpu_sec = 0.0
        """The CPU time of the answers so far, in seconds."""

    async def ask(self, request: JsonObject, on_message: OnMessage) -> None:
        """Send *request* and pass each message of the answer to *on_message*, in order.

        Raises:
            PermanentError: with the code that the child raised, or PARSE_TIMEOUT (CPU or wall
                clock), PARSE_MEMORY_LIMIT (memory or output) or PARSER_CRASHED.
            TransientError: PARSER_CRASHED, the child was killed from outside, for example by the
                kernel when memory ran out.
            WorkerUnfit: the zygote is gone, hangs, or cannot start a child.
        """
        try:
            async with asyncio.timeout(self._answer_limits.timeout_sec) as clock:
                await self.send(request)
                end = await self._listen(on_message)
        except _Silent:
            raise self._too_slow() from None
        except _Overflow as error:
            raise PermanentError(str(error), code=ErrorCode.PARSE_MEMORY_LIMIT) from None
        except TimeoutError:
            if not clock.expired():  # raised by _listen itself
                raise
            raise self._too_slow() from None
        self.cpu_sec += self._conclude(end)

    async def close(self) -> None:
        """Kill the child's process group and wait for the child's end, even if cancelled."""
        closing = asyncio.ensure_future(self._close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await asyncio.wait([closing])
            raise

    async def _close(self) -> None:
        _hang_up(self._status)
        try:
            await asyncio.wait([self._ended], timeout=_KILL_SEC)
            if not self._ended.done() and self.pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
            await asyncio.wait([self._tail], timeout=_STDERR_GRACE_SEC)
        finally:
            self._ended.cancel()
            self._tail.cancel()
            for writer in (self._writer, self._stderr_writer):
                writer.transport.abort()
            await asyncio.gather(self._ended, self._tail, return_exceptions=True)
            self._status.close()

    async def send(self, message: JsonObject) -> None:
        """Send *message*. If the child is gone, the next ``ask`` raises the error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()

    async def _listen(self, on_message: OnMessage) -> JsonObject:
        received = 0
        while (line := await self._line()).endswith(b"\n"):
            received += len(line)
            if received > self._answer_limits.output_bytes:
                raise _Overflow(f"more than {self._answer_limits.output_bytes} bytes of output")
            message = _parse(line)
            if END in message:
                end: JsonObject = message[END]
                return end
            on_message(message)
        raise await self._lost()

    async def _line(self) -> bytes:
        try:
            async with asyncio.timeout(self._answer_limits.silence_sec):
                return await self._reader.readline()
        except TimeoutError:
            raise _Silent from None
        except ConnectionError:
            return b""
        except ValueError:  # asyncio raises it for a line over the limit
            raise _Overflow("one message has more bytes than it may have") from None

    def _conclude(self, end: JsonObject) -> float:
        with parsing_answer():
            cpu_sec = float(end["cpu_sec"])
        if "code" not in end:
            return cpu_sec
        # The child has read untrusted bytes, so only known codes are passed on.
        known = end["code"] in ErrorCode.__members__ or end["code"] in self._codes
        code = end["code"] if known else ErrorCode.PARSER_CRASHED
        raise PermanentError(str(end["message"]), code=code)

    def _too_slow(self) -> SecretaryError:
        """Return the error for an answer that took too long. A hanging zygote started no child."""
        if self.pid is None:
            self._on_hang()
            return _never_started("the process that starts children hangs")
        return timed_out()

    async def _lost(self) -> SecretaryError:
        """Return the error for a child that ended without an end message."""
        status = await self._ended
        if status is None:
            return _never_started("the process that starts children is gone, or cannot start one")
        await asyncio.wait([self._tail], timeout=_STDERR_GRACE_SEC)
        stderr = self._tail.result() if self._tail.done() else ""
        log.warning("sandbox.child_lost", exit=status.returncode, stderr=stderr)
        return error_of(status, stderr)

    async def _watch(self) -> ExitStatus | None:
        """Return the exit status of the child when it has ended; None if the zygote is gone."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, ValueError):
            self.pid = int(await loop.sock_recv(self._status, _STATUS_BYTES))
            status, used_up = (await loop.sock_recv(self._status, _STATUS_BYTES)).split()
            return ExitStatus(
                os.waitstatus_to_exitcode(int(status)), cpu_used_up=bool(int(used_up))
            )
        return None


def _never_started(reason: str) -> WorkerUnfit:
    otherwise = TransientError(reason, code=ErrorCode.PARSER_CRASHED)
    return WorkerUnfit(Lack.PROCESSES, reason, otherwise=otherwise)


def _hang_up(status: socket.socket) -> None:
    """Make the zygote kill the child. The parent can still read the zygote's report."""
    with contextlib.suppress(OSError):
        status.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def parsing_answer() -> Iterator[None]:
    """Turn errors of the code inside, which reads an answer, into the error of a crashed child.

    Raises:
        PermanentError: PARSER_CRASHED.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        message = "the parser's answer is garbled"
        raise PermanentError(message, code=ErrorCode.PARSER_CRASHED) from error


def _parse(line: bytes) -> JsonObject:
    with parsing_answer():
        message = json.loads(line)
        if not isinstance(message, dict):
            raise TypeError("no object")
    return message


async def _tail(stream: asyncio.StreamReader) -> str:
    kept = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await stream.read(_STDERR_KEPT):
            kept = (kept + chunk)[-_STDERR_KEPT:]
    return kept.decode(errors="replace")
