"""Announcements of jobs, and rings for stored jobs: in the background, few at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from support.api_harness import Api, data_of

from secretary_api.jobs.ringer import MOST_WAITING, RINGS_AT_ONCE, Ringer
from secretary_common.broker.rings import QUIET_SEC
from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, new_job_id
from secretary_common.runtime.clock import SystemClock
from secretary_common.runtime.lifecycle import Background
from secretary_common.testing.doorbell import RecordingDoorbell
from secretary_common.testing.jobs import InMemoryJobRepository


class SlowDoorbell(RecordingDoorbell):
    """A doorbell whose rings wait until the test releases them."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    async def ring_job(
        self, job_type: str, job_id: str, *, announced: bool = False, shared: bool = False
    ) -> bool:
        await super().ring_job(job_type, job_id, announced=announced)
        return await self.released.wait()


async def test_the_client_gets_its_answer_before_the_ring_is_confirmed(api: Api) -> None:
    slow = SlowDoorbell()
    api.doorbell.ring_job = slow.ring_job  # type: ignore[method-assign]
    headers = {"Authorization": f"Bearer {await api.new_key()}"}
    body = {"job_type": "custom", "parameters": {}}
    answer = await api.client.post("/api/jobs/", json=body, headers=headers)
    assert answer.status_code == 202
    slow.released.set()
    await api.background.finish()
    assert slow.jobs == [("custom", data_of(answer)["job_id"])]


class GatedJobs(InMemoryJobRepository):
    """A repository whose inserts last until the test lets them end."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()
        self.begun: asyncio.Queue[str] = asyncio.Queue()

    async def insert(self, job: Job) -> None:
        self.begun.put_nowait(job.job_id)
        await self.may_end.wait()
        await super().insert(job)


class Harness:
    """A ringer, with a doorbell that records and a repository that the test holds up."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.jobs = GatedJobs()
        self.doorbell = RecordingDoorbell()
        self.background = Background()
        self.ringer = Ringer(self.doorbell, self.background.start, monotonic=lambda: self.seconds)

    async def submit(self, job: Job) -> None:
        with self.ringer.storing(job) as is_announced:
            await self.jobs.insert(job)
        self.ringer.ring_soon(job, announced=is_announced)

    @property
    def announced(self) -> list[str]:
        """The ids of the announced jobs."""
        return [job_id for _, job_id in self.doorbell.announced]

    async def begin(self, job: Job) -> asyncio.Task[None]:
        """Submit *job*; return once its insert has begun and its announcement could leave."""
        submitting = asyncio.create_task(self.submit(job))
        await self.jobs.begun.get()
        await self.background.finish()
        return submitting


def job_due_in(seconds: float = 0.0) -> Job:
    now = SystemClock().now()
    due = now + timedelta(seconds=seconds)
    times = {"created_at": now, "updated_at": now, "run_at": due}
    return Job(job_id=new_job_id(), job_type="custom", owner="key-1", **times)


async def test_a_job_is_announced_while_it_is_being_stored_and_rung_for_afterwards() -> None:
    harness, job = Harness(), job_due_in()
    submitting = await harness.begin(job)
    assert (harness.announced, harness.doorbell.jobs) == ([job.job_id], [])
    harness.jobs.may_end.set()
    await submitting
    await harness.background.finish()
    assert harness.doorbell.jobs == [("custom", job.job_id)]
    assert harness.doorbell.rung_after_announcement == [True]


async def test_a_job_that_is_due_later_is_not_announced() -> None:
    harness = Harness()
    submitting = await harness.begin(job_due_in(60))
    harness.jobs.may_end.set()
    await submitting
    await harness.background.finish()
    assert harness.announced == []
    assert harness.doorbell.rung_after_announcement == [False]


async def test_no_job_is_announced_whose_insert_may_wait_for_another_insert() -> None:
    harness, first, second = Harness(), job_due_in(), job_due_in()
    begun = [await harness.begin(first)]
    harness.seconds += 2 * QUIET_SEC
    begun.append(await harness.begin(second))
    assert harness.announced == [first.job_id]
    harness.jobs.may_end.set()
    await asyncio.gather(*begun)


async def test_a_job_just_after_another_is_not_announced() -> None:
    harness, jobs = Harness(), [job_due_in() for _ in range(3)]
    harness.jobs.may_end.set()
    for job, pause in zip(jobs, (0.5 * QUIET_SEC, 2 * QUIET_SEC, 0), strict=True):
        await harness.submit(job)
        await harness.background.finish()
        harness.seconds += pause
    assert harness.announced == [jobs[0].job_id, jobs[2].job_id]


async def test_the_announcement_leaves_some_turns_of_the_loop_after_the_insert_has_begun() -> None:
    harness, job = Harness(), job_due_in()
    submitting = asyncio.create_task(harness.submit(job))
    await harness.jobs.begun.get()
    assert harness.announced == []
    await harness.background.finish()
    assert harness.announced == [job.job_id]
    harness.jobs.may_end.set()
    await submitting


async def test_a_job_whose_insert_fails_is_not_rung_for_and_the_next_one_is_announced() -> None:
    harness, job = Harness(), job_due_in()
    with pytest.raises(StoreUnavailable), harness.ringer.storing(job_due_in()):
        raise StoreUnavailable
    await harness.background.finish()
    harness.doorbell.announced.clear()
    harness.seconds += 2 * QUIET_SEC
    harness.jobs.may_end.set()
    await harness.submit(job)
    await harness.background.finish()
    assert harness.announced == [job.job_id]
    assert harness.doorbell.jobs == [("custom", job.job_id)]


async def test_a_submitted_job_is_announced_and_rung_for(api: Api) -> None:
    headers = {"Authorization": f"Bearer {await api.new_key()}"}
    body: dict[str, object] = {"job_type": "custom", "parameters": {}}
    answer = await api.client.post("/api/jobs/", json=body, headers=headers)
    job = ("custom", data_of(answer)["job_id"])
    await api.background.finish()
    assert (api.doorbell.announced, api.doorbell.jobs) == ([job], [job])
    assert api.doorbell.rung_after_announcement == [True]


async def test_every_job_is_rung_for_and_few_at_once() -> None:
    doorbell, background = SlowDoorbell(), Background()
    ringer = Ringer(doorbell, background.start)
    jobs = [job_due_in() for _ in range(5 * RINGS_AT_ONCE)]
    for job in jobs:
        ringer.ring_soon(job)
    await asyncio.sleep(0)
    assert len(doorbell.jobs) == RINGS_AT_ONCE
    doorbell.released.set()
    await background.finish()
    assert [job_id for _, job_id in doorbell.jobs] == [job.job_id for job in jobs]


async def test_a_slow_broker_does_not_fill_the_memory() -> None:
    doorbell, background = SlowDoorbell(), Background()
    ringer = Ringer(doorbell, background.start)
    job = job_due_in()
    for n in range(2 * MOST_WAITING):
        ringer.ring_soon(job.model_copy(update={"job_id": f"job-{n}"}))
    doorbell.released.set()
    await background.finish()
    assert len(doorbell.jobs) == MOST_WAITING
    assert doorbell.jobs[-1] == ("custom", f"job-{2 * MOST_WAITING - 1}")
