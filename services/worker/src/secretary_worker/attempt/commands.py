"""The commands that a handler's repository sends to the attempt's writer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pydantic_core import to_json

from secretary_common.jobs.repetition import stated_once
from secretary_common.models import JobError, JobProgress, JobStatus, LogLevel
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_worker.attempt.json_stream import PIECE_BYTES, json_pieces, least_size


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the job's log."""

    level: LogLevel
    message: str


class Results:
    """The whole results of a job."""

    def __init__(self, value: dict[str, Any]) -> None:
        """*value* is storable, and no other code keeps a reference to it."""
        self._whole = value
        once = stated_once(value)
        self.value = once if _is_small(once) else None
        """The results, each text once; None if they are too large for the job document."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the JSON of the results in pieces. A thread makes each piece, which takes time."""
        pieces = json_pieces(self._whole)
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece


@dataclass(frozen=True, slots=True, eq=False)
class StoreFile:
    """Asks the writer to store a file. The writer closes the source."""

    name: str
    content_type: str
    source: bytes | BinaryIO
    done: Future[None] = field(default_factory=Future)
    """Resolved when the file is stored, or with the error if it cannot be stored."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the content from its start, in pieces."""
        if isinstance(self.source, bytes):
            for piece in _slices(self.source):
                yield piece
            return
        await asyncio.to_thread(self.source.seek, 0)
        while piece := await asyncio.to_thread(self.source.read, PIECE_BYTES):
            yield piece

    def close(self) -> None:
        """Close the source."""
        if not isinstance(self.source, bytes):
            self.source.close()


Update = JobProgress | JobError | JobStatus | Results | LogLine
"""A write that a handler requests, except files."""


@dataclass(frozen=True, slots=True)
class AwaitDurable:
    """Asks the writer to resolve *done* when *update* and all earlier updates are durable."""

    update: Update
    done: Future[None] = field(default_factory=Future)


Command = Update | StoreFile | AwaitDurable
Submit = Callable[[Command], None]
"""Queues a command for the writer; may be called from any thread."""


class PendingWrite:
    """A queued update. A handler may await it to wait until the update is durable."""

    def __init__(self, submit: Submit, update: Update) -> None:
        self._submit = submit
        self._update = update

    def __await__(self) -> Generator[Any, None, None]:
        wait = AwaitDurable(self._update)
        self._submit(wait)
        return asyncio.wrap_future(wait.done).__await__()


class NoWrite(PendingWrite):
    """An update that changes nothing and is not queued. Awaiting it returns at once."""

    def __init__(self) -> None:
        """Queue nothing."""

    def __await__(self) -> Generator[Any, None, None]:
        return asyncio.sleep(0).__await__()


def resolve(done: Future[None], error: Exception | None = None) -> None:
    """Resolve *done*, with *error* if given. If *done* is resolved already, do nothing."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _is_small(value: dict[str, Any]) -> bool:
    """Return whether the JSON of *value* is small enough for the job document.

    A lower bound is computed first, so that the JSON of a large value is not made.
    """
    enough = INLINE_RESULTS_BYTES
    return least_size(value, enough) <= enough and len(to_json(value)) <= enough


def _slices(content: bytes) -> Generator[bytes, None, None]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
