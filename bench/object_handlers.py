"""The job type of the bench of objects: it copies an object of a store into a file of the job."""

from __future__ import annotations

from pathlib import Path

from secretary_common.models import Job
from secretary_worker import (
    HandlerContext,
    ResourceCalculator,
    SecretaryJobRepository,
    digest,
    register,
)

NAME = "copy.bin"


def setup(context: HandlerContext) -> None:
    """Register ``copy_object``."""
    objects = context.objects

    async def handle(
        job: Job, repo: SecretaryJobRepository, _calculator: ResourceCalculator
    ) -> dict[str, object]:
        async with objects.open(job.parameters["url"], context.max_file_bytes) as file:
            sha256 = await digest(file)
            await repo.add_file(job.job_id, NAME, Path(file.path))
        return {"size": file.size, "sha256": sha256}

    register("copy_object", handle)
