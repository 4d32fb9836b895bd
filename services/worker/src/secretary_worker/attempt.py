"""What a handler sees of its job: a repository bound to this very attempt.

Each call queues a write, in order, and returns at once; awaiting what it returns waits until the
write is durable. Calls come from the handlers' loop, from threads, with or without ``await``; the
writes are made by the engine (``writer.py``) on its own loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, get_args

from secretary_common.errors import NotStorable, PermanentError
from secretary_common.models import JobError, JobProgress, JobStatus, LogLevel
from secretary_common.states import TERMINAL
from secretary_common.storable import cleaned, cut_text

LEVELS: tuple[str, ...] = get_args(LogLevel)


@dataclass(frozen=True, slots=True)
class Write:
    """Something a handler wants written, and the future that tells when it is."""

    what: JobProgress | JobError | JobStatus | Results | LogLine
    done: Future[None] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Results:
    """The results of the job, whole."""

    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the job's log."""

    level: LogLevel
    message: str


class Written:
    """Await it to wait until the write is durable; or do not."""

    def __init__(self, done: Future[None]) -> None:
        self._done = done

    def __await__(self) -> Generator[Any, None, None]:
        return asyncio.wrap_future(self._done).__await__()


class AttemptRepository:
    """The ``SecretaryJobRepository`` of the original documentation, bound to one attempt.

    After the attempt's end, and once its lease is lost, nothing is written any more: awaiting a
    write then raises ``StaleClaim`` if the lease was lost.
    """

    def __init__(self, job_id: str, submit: Callable[[Write], None]) -> None:
        """*submit* takes a write over to the engine; it may be called from any thread."""
        self._job_id = job_id
        self._submit = submit

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Written:
        """Show how far the job is; at most 4 a second are written, the last one always."""
        self._check(job_id)
        clean = progress.model_copy(
            update={"step": cut_text(progress.step), "message": cut_text(progress.message)}
        )
        return self._queue(clean)

    def update_job_results(self, job_id: str, results: dict[str, Any]) -> Written:
        """Set the results; they come onto the job with the write that completes it.

        Raises:
            PermanentError: they cannot be stored.
        """
        self._check(job_id)
        return self._queue(Results(_storable(results, "results")))

    def update_job_error(self, job_id: str, error: JobError) -> Written:
        """Set the error; a handler that returns after it has failed for good.

        Raises:
            PermanentError: its details cannot be stored.
        """
        self._check(job_id)
        details = None if error.details is None else _storable(error.details, "details")
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
            done: Future[None] = Future()
            done.set_result(None)
            return Written(done)
        return self._queue(status)

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> Written:
        """Add a line to the job's log; an unknown level counts as ``info``."""
        self._check(job_id)
        known: LogLevel = level if level in LEVELS else "info"
        return self._queue(LogLine(known, cut_text(str(message))))

    def _queue(self, what: JobProgress | JobError | JobStatus | Results | LogLine) -> Written:
        write = Write(what)
        self._submit(write)
        return Written(write.done)

    def _check(self, job_id: str) -> None:
        if job_id != self._job_id:
            raise PermanentError(f"this repository is bound to {self._job_id}")


def _storable(value: dict[str, Any], path: str) -> dict[str, Any]:
    try:
        clean: dict[str, Any] = cleaned(value, path)
    except NotStorable as error:
        raise PermanentError(error.message, code=error.code) from error
    return clean
