"""The history of attempts: complete, bounded, and free for a job with one attempt."""

from __future__ import annotations

from support.job_samples import NOW, TYPES, after, claimed, current, end, lease, make_job

from secretary_common.jobs.attempts import history, waited_sec
from secretary_common.models import LOST, MOST_ATTEMPTS, RUNNING, Job, JobError, Outcome
from secretary_common.ports import JobRepository

ERROR = JobError(code="PROCESSING_ERROR", message="ValueError: no", details={"traceback": "t"})


def outcomes(job: Job) -> list[tuple[int, int, str]]:
    return [(one.run, one.attempt, one.outcome) for one in history(job)]


async def test_a_job_with_one_attempt_stores_no_record_but_has_a_history(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    assert outcomes(job) == [(1, 1, RUNNING)]
    await jobs.settle(job, "t1", end(Outcome.COMPLETED))
    job = await current(jobs)
    assert job.attempts == []
    [only] = history(job)
    assert (only.worker, only.started_at, only.ended_at) == ("worker-1", NOW, after(5))
    assert (only.outcome, only.error_code, only.forgiven) == ("completed", None, False)


async def test_an_automatic_retry_keeps_the_error_of_the_attempt_it_follows(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.RETRY, run_at=after(10), error=ERROR))
    again = await jobs.claim("job-1", lease("t2", "worker-2"), after(11), TYPES)
    assert again is not None
    await jobs.settle(again, "t2", end(Outcome.COMPLETED, seq=4, at=after(12)))
    job = await current(jobs)
    assert job.error is None
    first, second = history(job)
    assert (first.outcome, first.worker, first.next_attempt_at) == ("retry", "worker-1", after(10))
    assert (first.error_code, first.error_message) == ("PROCESSING_ERROR", "ValueError: no")
    assert (second.outcome, second.worker, second.due_at) == ("completed", "worker-2", after(10))
    assert waited_sec(second, first) == 1.0


async def test_a_hand_back_is_forgiven_and_says_why(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.HANDED_BACK, run_at=after(5), reason="shutdown"))
    [record] = history(await current(jobs))
    assert (record.outcome, record.forgiven, record.reason) == ("handed_back", True, "shutdown")


async def test_a_lost_attempt_names_its_worker_and_the_end_of_its_lease(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    again = await jobs.reclaim(job, lease("t2", "worker-2", 60), after(31))
    assert again is not None
    lost, running = history(again)
    assert (lost.outcome, lost.worker, lost.ended_at) == (LOST, "worker-1", after(30))
    assert (lost.forgiven, lost.reason) == (True, "lease_lost")
    assert (running.outcome, running.worker) == (RUNNING, "worker-2")
    assert waited_sec(running, lost) == 1.0


async def test_an_attempt_that_is_ended_for_its_lost_worker_counts_as_lost(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.FAILED, at=after(31), error=ERROR), ended=True)
    [record] = history(await current(jobs))
    assert (record.outcome, record.worker, record.reason) == (LOST, "worker-1", "lease_lost")


async def test_an_explicit_retry_keeps_the_attempts_of_earlier_runs(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.FAILED, error=ERROR))
    retried = await jobs.retry(await current(jobs), after(10))
    assert retried is not None
    assert outcomes(retried) == [(1, 1, "failed")]
    cancelled = await jobs.cancel(retried, after(11), after(99))
    assert cancelled is not None
    assert outcomes(cancelled) == [(1, 1, "failed")]
    again = await jobs.retry(cancelled, after(12))
    assert again is not None
    assert outcomes(again) == [(1, 1, "failed")]


async def test_a_job_cancelled_between_two_attempts_has_each_attempt_once(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.RETRY, run_at=after(10), error=ERROR))
    cancelled = await jobs.cancel(await current(jobs), after(6), after(99))
    assert cancelled is not None
    assert outcomes(cancelled) == [(1, 1, "retry")]


async def test_a_cancelled_hand_back_is_one_cancelled_attempt(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    assert await jobs.request_cancel(job, NOW)
    await jobs.settle(job, "t1", end(Outcome.HANDED_BACK, run_at=after(5), reason="shutdown"))
    assert outcomes(await current(jobs)) == [(1, 1, "cancelled")]


async def test_only_the_last_attempts_are_kept(jobs: JobRepository) -> None:
    await jobs.insert(make_job())
    for number in range(1, MOST_ATTEMPTS + 4):
        token = f"t{number}"
        job = await jobs.claim("job-1", lease(token), NOW, TYPES)
        assert job is not None
        handed_back = end(Outcome.HANDED_BACK, seq=2 * number, run_at=NOW)
        await jobs.settle(job, token, handed_back)
    kept = [one.attempt for one in (await current(jobs)).attempts]
    assert kept == list(range(4, MOST_ATTEMPTS + 4))


async def test_a_settlement_that_is_repeated_adds_no_second_record(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    retry = end(Outcome.RETRY, run_at=after(10), error=ERROR)
    await jobs.settle(job, "t1", retry)
    await jobs.settle(job, "t1", retry)
    assert outcomes(await current(jobs)) == [(1, 1, "retry")]


async def test_listings_leave_the_history_out(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.RETRY, run_at=after(10), error=ERROR))
    [summary] = await jobs.summaries(["job-1"])
    assert summary.attempts == []
