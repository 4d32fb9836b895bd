"""A bench for handlers: runs one as a worker would, without a worker. Copy it to your own.

    ran = await run(handle_word_frequency, {"text": "…"}, params=WordFrequencyParameters)
    assert ran.status == "completed"

It knows how an attempt ends (docs/handlers.md), not how it is stored: results must be JSON, calls
may be awaited or not, a terminal status ends the attempt. Nothing is retried.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from secretary_common.errors import PermanentError, TransientError
from secretary_common.models import Job, JobError, JobProgress, JobStatus, new_job_id
from secretary_worker import OpenUpload, ResourceCalculator, SecretaryJobRepository

Handler = Callable[[Job, SecretaryJobRepository, ResourceCalculator], Awaitable[None]]


class Done:
    """An awaitable that nobody needs to await."""

    def __await__(self) -> Generator[None, None, None]:
        """Nothing to wait for."""
        yield from ()


@dataclass
class Ran:
    """What came of an attempt."""

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
    """The repository as a handler sees it; keeps everything in a ``Ran``."""

    def __init__(self, job_id: str, uploads: Mapping[str, bytes]) -> None:
        self.ran = Ran()
        self._job_id = job_id
        self._uploads = uploads

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Done:
        """Keep step and percent."""
        self._check(job_id)
        self.ran.progress.append((progress.step, progress.percent))
        return Done()

    def update_job_results(self, job_id: str, results: dict[str, Any]) -> Done:
        """Keep *results*, as JSON would bring them back."""
        self._check(job_id)
        self.ran.results = json.loads(json.dumps(results, allow_nan=False))
        return Done()

    def update_job_error(self, job_id: str, error: JobError) -> Done:
        """Keep *error*: returning after it fails the job."""
        self._check(job_id)
        self.ran.error = error
        return Done()

    def update_job_status(self, job_id: str, status: JobStatus) -> Done:
        """End the attempt; the first terminal status wins."""
        self._check(job_id)
        if self.ran.status == "processing" and status != JobStatus.PROCESSING:
            self.ran.status = JobStatus(status).value
        return Done()

    def add_log_entry(self, job_id: str, level: str, message: str) -> Done:
        """Keep the line."""
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
        """Keep the file's bytes."""
        self._check(job_id)
        del content_type
        if isinstance(content, Path):
            content = await asyncio.to_thread(content.read_bytes)
        if isinstance(content, AsyncIterable):
            content = b"".join([chunk async for chunk in content])
        self.ran.files[name] = bytes(content)

    @asynccontextmanager
    async def open_upload(self, file_id: str) -> AsyncIterator[OpenUpload]:
        """The upload with this id, which is its name too.

        Raises:
            PermanentError: FILE_NOT_FOUND, there is none.
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
    """Run *handler* once on a job with *parameters*, and say what came of it.

    With *params* they are checked first, as the API does (``pydantic.ValidationError``); *uploads*
    are what the job may open, by id. What the handler raises besides ``PermanentError`` and
    ``TransientError`` is raised here.
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
        await handler(job, cast("SecretaryJobRepository", recorder), resources)
    except PermanentError as error:
        ran.error = JobError(code=error.code, message=error.message, details=error.details)
    except TransientError as error:
        ran.status, ran.retry_after = "retried", error.retry_after
    if ran.status == "processing":
        ran.status = "failed" if ran.error else "completed"
    ran.usage = resources.usage()
    return ran
