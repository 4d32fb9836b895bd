"""The job types that the benches submit."""

import asyncio

from secretary_common.models import Job, JobProgress
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register


async def handle_noop(
    _job: Job, _repo: SecretaryJobRepository, _calculator: ResourceCalculator
) -> None:
    """Do nothing, because the bench measures everything else."""


async def handle_bench(
    job: Job, repo: SecretaryJobRepository, _calculator: ResourceCalculator
) -> None:
    """Report one progress and one result, as the tasks of the peers do."""
    repo.update_job_progress(job.job_id, JobProgress(step="working", percent=50))
    if wait_ms := job.parameters.get("wait_ms"):
        await asyncio.sleep(wait_ms / 1000)
    repo.update_job_results(job.job_id, {"answer": job.parameters.get("text", "")})


register("noop", handle_noop)
register("bench", handle_bench)
