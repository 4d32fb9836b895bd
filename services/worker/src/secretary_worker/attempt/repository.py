"""The repository that a handler gets. Through it the handler reports on its own job.

A call that updates the job queues a write and returns at once. A handler may await the returned
value to wait until the write is durable. Only ``add_file`` must be awaited. Calls may come from any
loop and any thread. The engine makes the writes in order on its own loop (``writer.py``).
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
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
from secretary_common.observing import tracing
from secretary_common.runtime.temporary_file import open_temporary, unfit_if_disk_full
from secretary_worker.attempt.commands import (
    LogLine,
    NoWrite,
    PendingWrite,
    Results,
    StoreFile,
    Submit,
    Update,
)

CONTENT_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,100}(; ?[\w-]{1,20}=[\w.+-]{1,40})?", re.ASCII)
ANY_TYPE = "application/octet-stream"

Content = bytes | bytearray | memoryview | Path | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A copy of an upload. The copy is gone when it is closed, or when its worker is killed."""

    name: str
    """The name that the client gave. Never use this name as a path to write to."""
    size: int
    """Size in bytes."""
    file: BufferedRandom
    """A binary file without a path, positioned at its start.

    Pass ``file.fileno()`` to child processes.
    """


OpensUploads = Callable[[str], AbstractAsyncContextManager[OpenUpload]]


class SecretaryJobRepository:
    """Lets a handler report on its job, for one attempt.

    Writes after the end of the attempt are ignored. Once the lease is lost, awaiting a write raises
    ``StaleClaim``.
    """

    def __init__(
        self, job_id: str, submit: Submit, open_upload: OpensUploads, *, max_file_bytes: int
    ) -> None:
        """Bind the repository to an attempt of *job_id*.

        Args:
            job_id: the job of the attempt; calls for another job are refused.
            submit: queues a command for the engine; thread-safe.
            open_upload: opens an upload for the job's API key.
            max_file_bytes: the largest file that the attempt may store.
        """
        self._job_id = job_id
        self._submit = submit
        self._open_upload = open_upload
        self._max_file_bytes = max_file_bytes
        self.has_results = False
        """Whether the handler has set results."""

    def update_job_progress(self, job_id: str, progress: JobProgress) -> PendingWrite:
        """Show *progress* to clients.

        The engine writes at most 4 a second. It skips a progress only if a later one follows.
        """
        self._check(job_id)
        texts = {"step": cut_text(progress.step), "message": cut_text(progress.message)}
        if traced := tracing.current():
            traced.begin_step(texts["step"])
        is_clean = texts == {"step": progress.step, "message": progress.message}
        return self._queue(progress if is_clean else progress.model_copy(update=texts))

    def update_job_results(self, job_id: str, results: dict[str, Any]) -> PendingWrite:
        """Set the results, of any size. A job that completes gets the results set last.

        Raises:
            PermanentError: NOT_STORABLE; the message names the value that cannot be stored.
        """
        self._check(job_id)
        queued = self._queue(Results(_storable(results, "results")))
        self.has_results = True
        return queued

    def update_job_error(self, job_id: str, error: JobError) -> PendingWrite:
        """Set the error. If the handler returns afterwards, the job fails without retry.

        Message and details are cut at 64 KiB.

        Raises:
            PermanentError: NOT_STORABLE; the message names the detail that cannot be stored.
        """
        self._check(job_id)
        details = error.details and cut_object(_storable(error.details, "details"))
        return self._queue(
            JobError(code=cut_text(error.code), message=cut_text(error.message), details=details)
        )

    def update_job_status(self, job_id: str, status: JobStatus) -> PendingWrite:
        """End the job at once if *status* is terminal. Only the first terminal status counts.

        Raises:
            PermanentError: *status* is ``pending``.
        """
        self._check(job_id)
        status = JobStatus(status)
        if status is JobStatus.PENDING:
            raise PermanentError("a handler that wants another attempt raises TransientError")
        if status not in TERMINAL:  # the job is processing already
            return NoWrite()
        return self._queue(status)

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> PendingWrite:
        """Add a line to the job's log, cut at 64 KiB. An unknown level becomes ``info``.

        An attempt keeps at most 100,000 lines. Lines are also dropped if too much text waits to be
        written. One more line says how many were dropped.
        """
        self._check(job_id)
        known: LogLevel = level if level in LOG_LEVELS else "info"
        return self._queue(LogLine(known, cut_text(str(message))))

    async def add_file(
        self, job_id: str, name: str, content: Content, content_type: str | None = None
    ) -> None:
        """Store a file. The job gets the file if the job ends with this attempt.

        Args:
            job_id: the job of this attempt.
            name: a file name, not a path. A later file replaces an earlier file of the same name.
            content: the bytes, the path of a local file, or an async iterator of bytes.
            content_type: a media type. None guesses the type from *name*.

        Raises:
            PermanentError: the name, the content or the type is not valid; FILE_TOO_LARGE; or the
                job has too many files.
            StaleClaim: the lease was lost, or the attempt ended while the file was being stored.
        """
        self._check(job_id)
        if fault := name_fault(name):
            raise PermanentError(fault)
        kind = content_type or mimetypes.guess_type(name)[0] or ANY_TYPE
        if not CONTENT_TYPE.fullmatch(kind):
            raise PermanentError("a content type must look like text/plain")
        try:
            file = StoreFile(name, kind, await self._source_of(content))
            self._submit(file)
            await asyncio.wrap_future(file.done)
        except FileTooLarge as error:
            raise PermanentError(error.message, code=ErrorCode.FILE_TOO_LARGE) from error

    def open_upload(self, file_id: str) -> AbstractAsyncContextManager[OpenUpload]:
        """Open an upload: ``async with repo.open_upload(file_id) as upload``.

        Jobs of the API key that uploaded the file may open it, and jobs of admin keys.

        Raises:
            PermanentError: FILE_NOT_FOUND, the upload does not exist, or this job may not open it.
            StoreUnavailable: MongoDB did not answer for half a minute.
        """
        return self._open_upload(file_id)

    async def _source_of(self, content: Content) -> bytes | BinaryIO:
        """Return *content* in a form that the engine's loop can read, more than once."""
        if isinstance(content, bytes | bytearray | memoryview):
            return bytes(content)
        if isinstance(content, Path):
            return await asyncio.to_thread(content.open, "rb")
        if not isinstance(content, AsyncIterable):
            raise PermanentError("a file must be bytes, a pathlib.Path or an async iterator")
        return await self._spooled(content)

    async def _spooled(self, content: AsyncIterable[bytes]) -> BinaryIO:
        spool = await asyncio.to_thread(open_temporary)
        try:
            with unfit_if_disk_full():
                await self._fill(spool, content)
        except BaseException:
            spool.close()
            raise
        return spool

    async def _fill(self, spool: BinaryIO, content: AsyncIterable[bytes]) -> None:
        size = 0
        async for piece in content:
            size += len(piece)
            if size > self._max_file_bytes:
                raise FileTooLarge(f"the file has more than {self._max_file_bytes} bytes")
            await asyncio.to_thread(spool.write, piece)

    def _queue(self, update: Update) -> PendingWrite:
        self._submit(update)
        return PendingWrite(self._submit, update)

    def _check(self, job_id: str) -> None:
        if job_id != self._job_id:
            raise PermanentError(f"this repository writes about {self._job_id} only, not {job_id}")


def _storable(value: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):  # the handler may be untyped
        message = f"{path}: must be a dict, not {type(value).__name__}"
        raise PermanentError(message, code=ErrorCode.NOT_STORABLE)
    try:
        clean: dict[str, Any] = cleaned(value, path)
    except NotStorable as error:
        raise PermanentError(error.message, code=error.code) from error
    return clean
