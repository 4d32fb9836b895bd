"""Each change that clients may have seen has a number of its own."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.engine_parts import make_progress
from support.job_samples import NOW, claimed, current

from secretary_common.errors import StoreUnavailable
from secretary_common.models import JobProgress, ProgressChange
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.attempt.progress import AttemptProgress

ONE, TWO = JobProgress(step="one", percent=10), JobProgress(step="two", percent=20)


class Losing(InMemoryJobRepository):
    """Makes a write of progress, but loses the answer, for each of *errors*."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        notified_at = await super().record_progress(change)
        if self.errors:
            raise self.errors.pop(0)
        return notified_at


async def progress_over(jobs: Losing) -> AttemptProgress:
    job = await claimed(jobs)
    return make_progress(job, "t1", jobs, ManualClock(NOW))


async def test_a_progress_whose_write_is_repeated_is_one_change() -> None:
    jobs = Losing(StoreUnavailable())
    progress = await progress_over(jobs)
    progress.update(ONE)
    with pytest.raises(StoreUnavailable):
        await progress.write()
    before = await current(jobs)
    await progress.write()
    assert (await current(jobs)).seq == before.seq
    assert progress.next_seq == before.seq + 1


async def test_a_newer_progress_after_a_lost_answer_is_a_change_of_its_own() -> None:
    jobs = Losing(StoreUnavailable(), StoreUnavailable())
    progress = await progress_over(jobs)
    seqs = []
    for update in (ONE, TWO):
        progress.update(update)
        with pytest.raises(StoreUnavailable):
            await progress.write()
        seqs.append((await current(jobs)).seq)
    await progress.write()
    job = await current(jobs)
    assert (job.progress, job.seq) == (TWO, seqs[1])
    assert seqs[1] == seqs[0] + 1
    assert progress.next_seq == job.seq + 1


async def test_the_end_has_another_number_than_a_progress_that_may_have_been_written() -> None:
    jobs = Losing(ValueError("the read after the write failed"))
    progress = await progress_over(jobs)
    progress.update(ONE)
    with pytest.raises(ValueError, match="failed"):
        await progress.write()
    assert progress.next_seq > (await current(jobs)).seq
