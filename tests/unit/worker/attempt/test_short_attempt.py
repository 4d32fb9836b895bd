"""A short attempt costs one write: its settlement, which also holds its progress."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from support.engine_harness import engine

from secretary_common.models import Job, JobProgress, JobStatus, Phase, ProgressChange, Webhook
from secretary_common.testing.jobs import InMemoryJobRepository, InMemoryLogRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository

URL = "https://example.com/hook"


class Recording(InMemoryJobRepository):
    """Records the progress writes."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[ProgressChange] = []

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        self.changes.append(change)
        return await super().record_progress(change)


async def report(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> dict[str, int]:
    """Report progress twice, await nothing, return results."""
    repo.update_job_progress(job.job_id, JobProgress(step="one", percent=40))
    repo.update_job_progress(job.job_id, JobProgress(step="two", percent=70))
    return {"n": 1}


@pytest.mark.parametrize("webhook", [None, Webhook(url=URL, progress=False)])
async def test_the_progress_of_a_short_job_is_written_with_its_end(webhook: Any) -> None:
    jobs = Recording()
    async with engine(report, jobs=jobs) as worker:
        job = await worker.ended(await worker.submit(webhook=webhook))
    assert jobs.changes == []
    assert (job.status, job.results, job.seq) == (JobStatus.COMPLETED, {"n": 1}, 2)
    assert job.progress is not None
    assert job.progress.percent == 100


async def test_a_webhook_that_asks_for_progress_gets_one_event_of_a_short_job() -> None:
    jobs = Recording()
    async with engine(report, jobs=jobs) as worker:
        job = await worker.ended(await worker.submit(webhook=Webhook(url=URL)))
    assert jobs.changes == []
    assert job.notify is not None
    assert (job.notify.phase, job.notify.seq, job.seq) == (Phase.COMPLETED, 3, 3)
    assert job.notify.overtaken is not None
    assert (job.notify.overtaken.seq, job.notify.overtaken.progress.percent) == (2, 70)
    assert worker.doorbell.deliveries == [(job.job_id, 3)]


async def test_an_event_that_the_end_replaces_in_the_outbox_stays_in_the_slot() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one", percent=30))

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit(webhook=Webhook(url=URL)))
    assert job.notify is not None
    assert (job.notify.phase, job.notify.seq) == (Phase.COMPLETED, 3)
    assert job.notify.overtaken is not None
    assert (job.notify.overtaken.seq, job.notify.overtaken.progress.percent) == (2, 30)


async def test_a_second_progress_leaves_no_event_for_the_settlement() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one"))
        await repo.update_job_progress(job.job_id, JobProgress(step="two"))

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit(webhook=Webhook(url=URL)))
    assert job.notify is not None
    assert job.notify.overtaken is None


@pytest.mark.parametrize("webhook", [None, Webhook(url=URL, progress=False)])
async def test_no_event_of_a_progress_is_kept_for_a_job_that_asks_for_none(webhook: Any) -> None:
    async with engine(report) as worker:
        job = await worker.ended(await worker.submit(webhook=webhook))
    assert job.notify is None or job.notify.overtaken is None


async def test_only_an_event_in_the_outbox_asks_for_the_time_of_the_last_one() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one"))

    jobs = Recording()
    async with engine(handler, jobs=jobs) as worker:
        for webhook in (None, Webhook(url=URL)):
            await worker.ended(await worker.submit(webhook=webhook))
    assert [change.asks_notified_at for change in jobs.changes] == [False, True]


async def test_a_job_whose_handler_logs_nothing_writes_no_log() -> None:
    class Refusing(InMemoryLogRepository):
        async def append(self, *_: Any) -> None:
            raise AssertionError("a line was written")

    async with engine(report, logs=Refusing()) as worker:
        job = await worker.ended(await worker.submit())
    assert job.status is JobStatus.COMPLETED
