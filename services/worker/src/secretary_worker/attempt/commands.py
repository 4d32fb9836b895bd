"""What handlers have written, on its way from their loop or thread to the engine's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pydantic_core import to_json

from secretary_common.models import JobError, JobProgress, JobStatus, LogLevel
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_worker.attempt.json_stream import PIECE_BYTES, json_pieces, least_size


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the job's log."""

    level: LogLevel
    message: str


class Results:
    """The results of the job, whole."""

    def __init__(self, value: dict[str, Any]) -> None:
        """*value* is clean, and nobody else's."""
        self._whole = value
        self.value = value if _is_small(value) else None
        """They, if they are small enough to stand in the job."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Their JSON, a piece at a time; made in a thread, for there may be much of it."""
        pieces = json_pieces(self._whole)
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece


@dataclass(frozen=True, slots=True, eq=False)
class FileContent:
    """A file of the attempt, to be stored; closed by whoever takes it."""

    name: str
    content_type: str
    source: bytes | BinaryIO
    done: Future[None] = field(default_factory=Future)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content from its start, a piece at a time."""
        if isinstance(self.source, bytes):
            for piece in _slices(self.source):
                yield piece
            return
        await asyncio.to_thread(self.source.seek, 0)
        while piece := await asyncio.to_thread(self.source.read, PIECE_BYTES):
            yield piece

    def close(self) -> None:
        """Give up the source."""
        if not isinstance(self.source, bytes):
            self.source.close()


@dataclass(frozen=True, slots=True)
class Sync:
    """Somebody awaits a write: *done* tells when it and all before it are durable."""

    what: What
    done: Future[None] = field(default_factory=Future)


What = JobProgress | JobError | JobStatus | Results | LogLine
Submit = Callable[[What | FileContent | Sync], None]
"""Takes a write over to the engine; may be called from any thread."""


class Written:
    """Await it to wait until the write is durable; or do not, which costs nothing."""

    def __init__(self, submit: Submit, what: What) -> None:
        self._submit = submit
        self._what = what

    def __await__(self) -> Generator[Any, None, None]:
        sync = Sync(self._what)
        self._submit(sync)
        return asyncio.wrap_future(sync.done).__await__()


class Nothing(Written):
    """There was nothing to write."""

    def __init__(self) -> None:
        """There is nothing to wait for either."""

    def __await__(self) -> Generator[Any, None, None]:
        return asyncio.sleep(0).__await__()


def tell(done: Future[None], error: Exception | None = None) -> None:
    """Tell who waits for *done*, unless it waits no more."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _is_small(value: dict[str, Any]) -> bool:
    """Whether the JSON of *value* may stand in a job; what is large is not made to find out."""
    enough = INLINE_RESULTS_BYTES
    return least_size(value, enough) <= enough and len(to_json(value)) <= enough


def _slices(content: bytes) -> Generator[bytes, None, None]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
