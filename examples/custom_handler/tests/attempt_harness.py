"""Runs a handler as a worker does, without a worker. Copy this file to your own package.

    ran = await run(handle_word_frequency, {"text": "…"}, params=WordFrequencyParameters)
    assert ran.status == "completed"

It follows the rules for the end of an attempt (docs/handlers.md): results must be JSON, calls may
be awaited or not, a terminal status ends the attempt. It stores nothing and retries nothing.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from secretary_common.errors import PermanentError, TransientError
from secretary_common.models import Job, JobError, JobProgress, JobStatus, new_job_id
from secretary_worker import Handler, OpenUpload, ResourceCalculator, SecretaryJobRepository


class Done:
    """An awaitable; awaiting it is optional."""

    def __await__(self) -> Generator[None, None, None]:
        """Return at once."""
        yield from ()


@dataclass
class Ran:
    """The outcome of an attempt."""

    status: str = "processing"
    """``completed``, ``failed`` or ``retried``."""
    results: dict[str, Any] | None = None
    error: JobError | None = None
    progress: list[tuple[str, int]] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    retry_after: float | None = None


class Recorder:
    """The repository as a handler sees it. It records every call in ``ran``."""

    def __init__(self, job_id: str, uploads: Mapping[str, bytes]) -> None:
        self.ran = Ran()
        self._job_id = job_id
        self._uploads = uploads

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Done:
        """Record step and percent."""
        self._check(job_id)
        self.ran.progress.append((progress.step, progress.percent))
        return Done()

    def update_job_results(self, job_id: str, results: dict[str, Any]) -> Done:
        """Record *results* as they are after a round trip through JSON."""
        self._check(job_id)
        self.ran.results = json.loads(json.dumps(results, allow_nan=False))
        return Done()

    def take(self, returned: object) -> None:
        """Record what the handler *returned* as the results, unless it set some.

        Raises:
            PermanentError: NOT_STORABLE, it is neither a mapping nor None.
        """
        if self.ran.results is not None or returned is None or isinstance(returned, Done):
            return
        if not isinstance(returned, Mapping):
            raise PermanentError("a handler returns a mapping or None", code="NOT_STORABLE")
        self.update_job_results(self._job_id, dict(returned))

    def update_job_error(self, job_id: str, error: JobError) -> Done:
        """Record *error*; if the handler then returns, the job fails."""
        self._check(job_id)
        self.ran.error = error
        return Done()

    def update_job_status(self, job_id: str, status: JobStatus) -> Done:
        """End the attempt; the first terminal status counts."""
        self._check(job_id)
        if self.ran.status == "processing" and status != JobStatus.PROCESSING:
            self.ran.status = JobStatus(status).value
        return Done()

    def add_log_entry(self, job_id: str, level: str, message: str) -> Done:
        """Record the line."""
        self._check(job_id)
        self.ran.logs.append((level, message))
        return Done()

    async def add_file(
        self,
        job_id: str,
        name: str,
        content: bytes | Path | AsyncIterable[bytes],
        content_type: str | None = None,
    ) -> None:
        """Record the content of the file."""
        self._check(job_id)
        del content_type
        if isinstance(content, Path):
            content = await asyncio.to_thread(content.read_bytes)
        if isinstance(content, AsyncIterable):
            content = b"".join([chunk async for chunk in content])
        self.ran.files[name] = bytes(content)

    @asynccontextmanager
    async def open_upload(self, file_id: str) -> AsyncIterator[OpenUpload]:
        """Open the upload with this id, which is its name too.

        Raises:
            PermanentError: FILE_NOT_FOUND, there is no such upload.
        """
        content = self._uploads.get(file_id)
        if content is None:
            raise PermanentError("there is no such upload", code="FILE_NOT_FOUND")
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            yield OpenUpload(file_id, len(content), file)

    def _check(self, job_id: str) -> None:
        if job_id != self._job_id:
            raise AssertionError(f"the job is {self._job_id}, not {job_id}")


async def run(
    handler: Handler,
    parameters: dict[str, Any],
    *,
    params: type[BaseModel] | None = None,
    uploads: Mapping[str, bytes] | None = None,
) -> Ran:
    """Run *handler* once on a job with *parameters* and return the outcome.

    Args:
        handler: the handler to run.
        parameters: what a client would submit.
        params: the model of the parameters; with it they are checked first, as the API does.
        uploads: the files that the job may open, by id.

    Raises:
        pydantic.ValidationError: the parameters do not fit the model.
        Exception: any exception of the handler but ``PermanentError`` and ``TransientError``.
    """
    if params is not None:
        params.model_validate(parameters)
    now = datetime.now(UTC)
    job = Job(
        job_id=new_job_id(),
        job_type="test",
        parameters=parameters,
        owner="key",
        run_at=now,
        created_at=now,
        updated_at=now,
    )
    recorder, resources = Recorder(job.job_id, uploads or {}), ResourceCalculator()
    ran = recorder.ran
    try:
        returned = await handler(job, cast("SecretaryJobRepository", recorder), resources)
        recorder.take(returned)
    except PermanentError as error:
        ran.error = JobError(code=error.code, message=error.message, details=error.details)
    except TransientError as error:
        ran.status, ran.retry_after = "retried", error.retry_after
    if ran.status == "processing":
        ran.status = "failed" if ran.error else "completed"
    ran.usage = resources.usage()
    return ran
