"""No job of a paused type is started; running jobs go on."""

import asyncio
from typing import Any

from support.engine_harness import CLOCK, Engine, engine

from secretary_common.broker.message import RingOutcome
from secretary_common.models import Job, JobStatus, JobTypeInfo
from secretary_common.testing.announcements import InMemoryJobTypeRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.engine.startable_types import OLDEST_SEC, StartableTypes


async def nap(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
    await asyncio.sleep(job.parameters.get("seconds", 0))


async def pause(worker: Engine) -> None:
    """Pause the type and wait until the worker must have read it."""
    await worker.job_types.set_paused("test", paused=True)
    await asyncio.sleep(OLDEST_SEC + 0.1)


def ghost(**fields: Any) -> dict[str, Any]:
    """Return the fields of a job whose worker was lost."""
    lease = {"owner": "ghost", "token": "boo", "expires_at": CLOCK.now()}
    return {"status": "processing", "attempt": 1, "seq": 1, "lease": lease, **fields}


async def test_the_startable_types_are_at_most_a_second_old() -> None:
    repository, now = InMemoryJobTypeRepository(JobTypeInfo("a"), JobTypeInfo("b")), [0.0]
    types = StartableTypes(frozenset({"a", "b"}), repository, lambda: now[0])
    assert await types.now() == {"a", "b"}
    await repository.set_paused("a", paused=True)
    assert await types.now() == {"a", "b"}
    now[0] = OLDEST_SEC + 0.01
    assert await types.now() == {"b"}


async def test_the_doorbell_of_a_type_that_was_paused_reads_the_types_again() -> None:
    async with engine(nap, poll_interval_sec=60) as worker:
        await pause(worker)
        waiting = await worker.submit()
        assert await worker.manager.ring("test", waiting) is RingOutcome.PAUSED
        await worker.job_types.set_paused("test", paused=False)
        assert await worker.manager.ring("test", waiting) is RingOutcome.CLAIMED


async def test_no_job_of_a_paused_type_is_started_but_running_ones_go_on() -> None:
    async with engine(nap) as worker:
        running = await worker.submit(parameters={"seconds": OLDEST_SEC + 0.5})
        await worker.until(running, lambda job: job.status is JobStatus.PROCESSING)
        await pause(worker)
        waiting = await worker.submit()
        assert await worker.manager.ring("test", waiting) is RingOutcome.PAUSED
        assert (await worker.ended(running)).status is JobStatus.COMPLETED
        await asyncio.sleep(0.2)
        assert worker.jobs.jobs[waiting].status is JobStatus.PENDING
        await worker.job_types.set_paused("test", paused=False)
        assert (await worker.ended(waiting)).status is JobStatus.COMPLETED


async def test_expired_jobs_of_a_paused_type_wait_unless_they_must_end() -> None:
    async with engine(nap, heartbeat_sec=OLDEST_SEC + 0.3) as worker:
        await worker.job_types.set_paused("test", paused=True)
        lost = await worker.submit(**ghost())
        cancelled = await worker.submit(**ghost(cancel_requested=True))
        spent = await worker.submit(**ghost(attempt=10, lost_leases=9))
        assert (await worker.ended(cancelled)).status is JobStatus.CANCELLED
        assert (await worker.ended(spent)).status is JobStatus.FAILED
        assert worker.jobs.jobs[lost].attempt == 1
        await worker.job_types.set_paused("test", paused=False)
        assert (await worker.ended(lost)).attempt == 2
