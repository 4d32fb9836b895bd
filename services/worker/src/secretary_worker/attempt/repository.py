"""What a handler sees of its job: a repository bound to this very attempt.

Each call queues a write, in order, and returns at once; awaiting what it returns waits until the
write is durable. Calls come from the handlers' loop, from threads, with or without ``await``; the
writes are made by the engine (``writer.py``) on its own loop.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import tempfile
from collections.abc import AsyncIterable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any, BinaryIO

from secretary_common.errors import ErrorCode, FileTooLarge, NotStorable, PermanentError
from secretary_common.jobs.storable import cleaned, cut_object, cut_text
from secretary_common.models import (
    LOG_LEVELS,
    JobError,
    JobProgress,
    JobStatus,
    LogLevel,
    name_fault,
)
from secretary_common.models.states import TERMINAL
from secretary_worker.attempt.commands import (
    FileContent,
    LogLine,
    Nothing,
    Results,
    Submit,
    What,
    Written,
)

CONTENT_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,100}(; ?[\w-]{1,20}=[\w.+-]{1,40})?", re.ASCII)
ANY_TYPE = "application/octet-stream"

Content = bytes | bytearray | memoryview | Path | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A copy of an upload, to be read; it is gone when it is closed, or its worker killed."""

    name: str
    """What its client called it: for people, never a path to write to."""
    size: int
    """In bytes."""
    file: BufferedRandom
    """A binary file without a path, at its beginning; children get it by ``file.fileno()``."""


OpensUploads = Callable[[str], AbstractAsyncContextManager[OpenUpload]]


class SecretaryJobRepository:
    """The ``SecretaryJobRepository`` of the original documentation, bound to one attempt.

    After the attempt's end, and once its lease is lost, nothing is written any more: awaiting a
    write then raises ``StaleClaim`` if the lease was lost.
    """

    def __init__(
        self, job_id: str, submit: Submit, open_upload: OpensUploads, *, max_file_bytes: int
    ) -> None:
        """Bind it to the attempt at *job_id*.

        Args:
            job_id: the one job it writes about.
            submit: takes a write over to the engine; it may be called from any thread.
            open_upload: opens what the job's API key may name.
            max_file_bytes: of each file the attempt leaves.
        """
        self._job_id = job_id
        self._submit = submit
        self._open_upload = open_upload
        self._max_file_bytes = max_file_bytes

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Written:
        """Show how far the job is; at most 4 a second are written, the last one always."""
        self._check(job_id)
        clean = progress.model_copy(
            update={"step": cut_text(progress.step), "message": cut_text(progress.message)}
        )
        return self._queue(clean)

    def update_job_results(self, job_id: str, results: dict[str, Any]) -> Written:
        """Set the results, of any size; they come onto the job with the write that completes it.

        Raises:
            PermanentError: they cannot be stored.
        """
        self._check(job_id)
        return self._queue(Results(_storable(results, "results")))

    def update_job_error(self, job_id: str, error: JobError) -> Written:
        """Set the error; a handler that returns after it has failed for good.

        Its message and its details are cut at 64 KiB.

        Raises:
            PermanentError: its details cannot be stored.
        """
        self._check(job_id)
        details = error.details and cut_object(_storable(error.details, "details"))
        return self._queue(
            JobError(code=cut_text(error.code), message=cut_text(error.message), details=details)
        )

    def update_job_status(self, job_id: str, status: JobStatus) -> Written:
        """End the job there and then, if *status* is terminal: the first one wins.

        Raises:
            PermanentError: a handler cannot put its job back to ``pending``.
        """
        self._check(job_id)
        status = JobStatus(status)
        if status is JobStatus.PENDING:
            raise PermanentError("to be tried again a handler raises TransientError")
        if status not in TERMINAL:  # it is processing already
            return Nothing()
        return self._queue(status)

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> Written:
        """Add a line to the job's log, cut at 64 KiB; an unknown level counts as ``info``.

        An attempt keeps 100,000 lines; one more tells how many were dropped.
        """
        self._check(job_id)
        known: LogLevel = level if level in LOG_LEVELS else "info"
        return self._queue(LogLine(known, cut_text(str(message))))

    async def add_file(
        self, job_id: str, name: str, content: Content, content_type: str | None = None
    ) -> None:
        """Store a file; it becomes one of the job's with the write that ends it.

        Args:
            job_id: of this attempt's job.
            name: of the file: no path. Of two files with one name the later one counts.
            content: its bytes, where they lie, or where they come from.
            content_type: what it is; guessed from its name unless given.

        Raises:
            PermanentError: the name or the type is not valid, or the file is too large.
            StaleClaim: the lease was lost.
        """
        self._check(job_id)
        if fault := name_fault(name):
            raise PermanentError(fault)
        kind = content_type or mimetypes.guess_type(name)[0] or ANY_TYPE
        if not CONTENT_TYPE.fullmatch(kind):
            raise PermanentError("a content type looks like text/plain")
        try:
            file = FileContent(name, kind, await self._source_of(content))
            self._submit(file)
            await asyncio.wrap_future(file.done)
        except FileTooLarge as error:
            raise PermanentError(error.message, code=ErrorCode.FILE_TOO_LARGE) from error

    def open_upload(self, file_id: str) -> AbstractAsyncContextManager[OpenUpload]:
        """Open an upload (``POST /api/files``): ``async with repo.open_upload(file_id) as upload``.

        It is there for jobs of the API key that uploaded it, and of admins.

        Raises:
            PermanentError: FILE_NOT_FOUND, it is not there, or not for this job.
            StoreUnavailable: MongoDB did not answer for half a minute.
        """
        return self._open_upload(file_id)

    async def _source_of(self, content: Content) -> bytes | BinaryIO:
        """*content* as something that can be read more than once, by another loop."""
        if isinstance(content, bytes | bytearray | memoryview):
            return bytes(content)
        if isinstance(content, Path):
            return await asyncio.to_thread(content.open, "rb")
        if not isinstance(content, AsyncIterable):
            raise PermanentError("a file is bytes, a pathlib.Path or an async iterator of bytes")
        return await self._spooled(content)

    async def _spooled(self, content: AsyncIterable[bytes]) -> BinaryIO:
        spool: Any = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            size = 0
            async for piece in content:
                size += len(piece)
                if size > self._max_file_bytes:
                    raise FileTooLarge(f"the file has more than {self._max_file_bytes} bytes")
                await asyncio.to_thread(spool.write, piece)
        except BaseException:
            spool.close()
            raise
        found: BinaryIO = spool
        return found

    def _queue(self, what: What) -> Written:
        self._submit(what)
        return Written(self._submit, what)

    def _check(self, job_id: str) -> None:
        if job_id != self._job_id:
            raise PermanentError(f"this repository is bound to {self._job_id}")


def _storable(value: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):  # a handler need not be typed
        message = f"{path}: must be a dict, not {type(value).__name__}"
        raise PermanentError(message, code=ErrorCode.NOT_STORABLE)
    try:
        clean: dict[str, Any] = cleaned(value, path)
    except NotStorable as error:
        raise PermanentError(error.message, code=error.code) from error
    return clean
