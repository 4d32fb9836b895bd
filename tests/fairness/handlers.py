"""The handler of the jobs: it sleeps. Workers load it as a user's handler (``handler_modules``)."""

from __future__ import annotations

import asyncio

from secretary_common.models import Job
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register


async def nap(job: Job, _repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
    """Sleep for the seconds that the job names."""
    await asyncio.sleep(float(job.parameters["seconds"]))


register("nap", nap)
