"""The job type the bench submits."""

from secretary_common.models import Job
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register


async def handle_noop(
    _job: Job, _repo: SecretaryJobRepository, _calculator: ResourceCalculator
) -> None:
    """Do nothing: what is measured is everything else."""


register("noop", handle_noop)
