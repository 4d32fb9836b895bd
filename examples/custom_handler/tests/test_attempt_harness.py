"""The harness runs handlers as a worker does."""

from typing import Any

from attempt_harness import Ran, run

from secretary_common.models import Job
from secretary_worker import ResourceCalculator, SecretaryJobRepository


async def handle_lines(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
    """Count the lines of an upload."""
    async with repo.open_upload(job.parameters["file_id"]) as upload:
        lines = upload.file.readlines()
    repo.update_job_results(job.job_id, {upload.name: len(lines), "bytes": upload.size})


async def ran(**parameters: Any) -> Ran:
    return await run(handle_lines, parameters, uploads={"notes.txt": b"one\ntwo\n"})


async def test_a_handler_opens_the_uploads_of_its_job() -> None:
    done = await ran(file_id="notes.txt")
    assert (done.status, done.results) == ("completed", {"notes.txt": 2, "bytes": 8})


async def test_a_missing_upload_fails_the_job() -> None:
    done = await ran(file_id="other.txt")
    assert (done.status, done.error and done.error.code) == ("failed", "FILE_NOT_FOUND")
