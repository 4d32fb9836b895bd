"""The job type that the benches submit."""

from secretary_common.models import Job
from secretary_worker import ResourceCalculator, SecretaryJobRepository, register


async def handle_noop(
    _job: Job, _repo: SecretaryJobRepository, _calculator: ResourceCalculator
) -> None:
    """Do nothing, because the bench measures everything else."""


register("noop", handle_noop)
