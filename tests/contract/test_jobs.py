"""What every job repository promises: in memory, and MongoDB under both drivers."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.job_samples import (
    HOOK,
    NOW,
    TYPES,
    after,
    claimed,
    current,
    end,
    lease,
    make_job,
    progress,
    slot,
    worker_failure,
)

from secretary_common.errors import StaleClaim
from secretary_common.models import (
    LATEST_RENEWAL,
    Candidate,
    JobError,
    JobProgress,
    JobQuery,
    JobStatus,
    NotifySlot,
    Outcome,
    OvertakenProgress,
    Phase,
    ProgressChange,
    Settlement,
)
from secretary_common.ports import JobRepository


async def test_a_job_comes_back_as_it_was_stored(jobs: JobRepository) -> None:
    job = make_job(
        webhook=HOOK, tags=["a"], parameters={"deep": {"list": [1, 2.5, None, "ü", True]}}
    )
    await jobs.insert(job)
    assert await jobs.get("job-1") == job
    assert await jobs.get("job-2") is None


async def test_a_claim_increments_the_attempt_under_a_new_lease(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    assert (job.status, job.attempt, job.seq) == (JobStatus.PROCESSING, 1, 1)
    assert job.lease == lease()
    assert job.processing_started_at == NOW
    assert await current(jobs) == job


async def test_exactly_one_of_many_claims_wins(jobs: JobRepository) -> None:
    await jobs.insert(make_job())
    claims = [jobs.claim("job-1", lease(f"t{n}"), NOW, TYPES) for n in range(10)]
    winners = [job for job in await asyncio.gather(*claims) if job]
    assert len(winners) == 1
    assert (await current(jobs)).attempt == 1


@pytest.mark.parametrize(
    ("fields", "types"),
    [
        ({"run_at": after(1)}, TYPES),
        ({"cancel_requested": True}, TYPES),
        ({"status": "completed"}, TYPES),
        ({"deleted_at": NOW}, TYPES),
        ({}, {"other"}),
    ],
)
async def test_a_job_that_may_not_start_is_not_claimed(
    jobs: JobRepository, fields: dict[str, Any], types: set[str]
) -> None:
    await jobs.insert(make_job(**fields))
    assert await jobs.claim("job-1", lease(), NOW, types) is None


async def test_a_job_is_scheduled_while_it_waits_for_its_time(jobs: JobRepository) -> None:
    await jobs.insert(make_job(run_at=after(10)))
    await jobs.insert(make_job("job-3"))
    ids = ["job-1", "job-2", "job-3"]
    scheduled = Candidate("job-1", "pdf", 5, "key-1", after(10))
    assert await jobs.scheduled(ids, NOW) == [scheduled]
    assert await jobs.scheduled(ids, after(10)) == []
    await jobs.claim("job-1", lease(), after(10), TYPES)
    assert await jobs.scheduled(ids, NOW) == []


async def test_a_claim_whose_answer_was_lost_is_found_by_its_token(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    assert await jobs.held("job-1", "t1") == job
    assert await jobs.held("job-1", "t2") is None


async def test_completing_sets_everything_in_one_write(jobs: JobRepository) -> None:
    job = await claimed(jobs, webhook=HOOK)
    done = end(Outcome.COMPLETED, results={"n": 1}, usage={"pages": 2}, expires_at=after(99))
    assert await jobs.settle(job, "t1", done) == done
    job = await current(jobs)
    assert (job.status, job.results, job.usage) == (JobStatus.COMPLETED, {"n": 1}, {"pages": 2})
    assert (job.lease, job.completed_at, job.expires_at) == (None, after(5), after(99))
    assert job.notify == NotifySlot(seq=2, run=1, phase=Phase.COMPLETED, due_at=after(5))


async def test_a_job_without_a_webhook_has_no_slot(jobs: JobRepository) -> None:
    await jobs.settle(await claimed(jobs), "t1", end(Outcome.COMPLETED))
    assert (await current(jobs)).notify is None
    assert await jobs.due_slots(after(99), 10) == []


async def test_a_settlement_may_be_repeated_after_a_lost_answer(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    done = end(Outcome.COMPLETED, results={"n": 1})
    await jobs.settle(job, "t1", done)
    assert await jobs.settle(job, "t1", done) == done
    assert (await current(jobs)).seq == 2


async def test_a_worker_that_lost_its_lease_writes_nothing(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    again = await jobs.reclaim(job, lease("t2", "worker-2", 90), after(30))
    assert again is not None
    assert again.attempt == 2
    for outcome in Outcome:
        with pytest.raises(StaleClaim):
            await jobs.settle(job, "t1", end(outcome, results={"late": True}, at=after(40)))
    with pytest.raises(StaleClaim):
        await jobs.record_progress(progress(2))
    assert await current(jobs) == again


async def test_a_finished_job_takes_no_more_writes(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.COMPLETED))
    with pytest.raises(StaleClaim):
        await jobs.record_progress(progress(3))
    with pytest.raises(StaleClaim):
        await jobs.settle(job, "t2", end(Outcome.FAILED, seq=3))
    assert (await current(jobs)).status is JobStatus.COMPLETED


async def test_a_retry_waits_until_its_time_and_keeps_the_error(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    error = JobError(code="PROCESSING_ERROR", message="boom")
    await jobs.settle(job, "t1", end(Outcome.RETRY, error=error, run_at=after(10)))
    job = await current(jobs)
    assert (job.status, job.run_at, job.error) == (JobStatus.PENDING, after(10), error)
    assert (job.attempt, job.forgiven, job.completed_at) == (1, 0, None)
    again = await jobs.claim("job-1", lease("t2"), after(10), TYPES)
    assert again is not None
    assert again.attempt == 2
    await jobs.settle(again, "t2", end(Outcome.COMPLETED, seq=4))
    assert (await current(jobs)).error is None


async def test_a_hand_back_does_not_count_and_is_due_at_once(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.HANDED_BACK, run_at=after(5)))
    job = await current(jobs)
    assert (job.status, job.attempt, job.forgiven) == (JobStatus.PENDING, 1, 1)
    assert job.counted_attempts == 0
    assert await jobs.claim("job-1", lease("t2"), after(5), TYPES)


@pytest.mark.parametrize("outcome", [Outcome.RETRY, Outcome.HANDED_BACK])
async def test_giving_back_a_job_whose_cancellation_was_requested_cancels_it(
    jobs: JobRepository, outcome: Outcome
) -> None:
    job = await claimed(jobs, webhook=HOOK)
    await request_cancel(jobs)
    made = await jobs.settle(job, "t1", end(outcome, run_at=after(9)))
    assert made.outcome is Outcome.CANCELLED
    job = await current(jobs)
    assert (job.status, job.lease) == (JobStatus.CANCELLED, None)
    assert job.notify is not None
    assert job.notify.phase is Phase.CANCELLED
    assert (await jobs.settle(job, "t1", end(outcome))).outcome is Outcome.CANCELLED


async def request_cancel(jobs: JobRepository) -> None:
    assert await jobs.request_cancel(await current(jobs), NOW)


async def test_only_ended_leases_are_reclaimed_and_only_once(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    assert await jobs.ended_leases(TYPES, after(29), 10, lost_leases=9) == []
    assert await jobs.reclaim(job, lease("t2"), after(29)) is None
    (ended,) = await jobs.ended_leases(TYPES, after(30), 10, lost_leases=9)
    assert ended.job_id == "job-1"
    assert await jobs.reclaim(ended, lease("t2", seconds=60), after(30))
    assert await jobs.reclaim(ended, lease("t3", seconds=60), after(30)) is None


async def test_a_cancelled_job_is_not_reclaimed(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await request_cancel(jobs)
    assert await jobs.reclaim(job, lease("t2"), after(31)) is None


async def test_ended_leases_of_other_types_are_only_those_to_be_ended(jobs: JobRepository) -> None:
    await claimed(jobs)
    assert await jobs.ended_leases({"other"}, after(31), 10, lost_leases=9) == []
    await request_cancel(jobs)
    assert len(await jobs.ended_leases({"other"}, after(31), 10, lost_leases=9)) == 1


async def test_a_hand_back_of_an_unfit_worker_is_forgiven_and_counted(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    error = JobError(code="NO_ROOM", message="no room")
    handed_back = end(Outcome.HANDED_BACK, worker_was_unfit=True, error=error)
    await jobs.settle(job, "t1", handed_back)
    job = await current(jobs)
    assert (job.status, job.forgiven, job.unfit_workers) == (JobStatus.PENDING, 1, 1)
    assert job.error == error


async def test_a_lost_lease_is_counted_and_its_attempt_is_forgiven(jobs: JobRepository) -> None:
    job = await claimed(jobs, max_attempts=1)
    again = await jobs.reclaim(job, lease("t2", seconds=60), after(31))
    assert again is not None
    assert (again.attempt, again.counted_attempts, again.lost_leases) == (2, 1, 1)
    assert (await current(jobs)).lost_leases == 1


async def test_a_job_that_has_lost_too_many_leases_is_found_whatever_its_type(
    jobs: JobRepository,
) -> None:
    await claimed(jobs, lost_leases=8)
    assert await jobs.ended_leases({"other"}, after(31), 10, lost_leases=9) == []
    assert len(await jobs.ended_leases({"other"}, after(31), 10, lost_leases=8)) == 1


async def test_a_job_that_silenced_two_workers_is_ended_by_any_worker_and_reclaimed_by_none(
    jobs: JobRepository,
) -> None:
    await claimed(jobs)
    await jobs.record_worker_failure("job-1", worker_failure())
    (ended,) = await jobs.ended_leases(TYPES, after(30), 10, lost_leases=9)
    job = await jobs.reclaim(ended, lease("t2", "worker-2", 60), after(30))
    assert job is not None
    assert (job.worker_failures, job.is_poison) == ([worker_failure()], False)
    second = worker_failure("t2", attempt=2, worker="worker-2", how="died")
    await jobs.record_worker_failure("job-1", second)
    assert await jobs.reclaim(job, lease("t3", "worker-3", 90), after(60)) is None
    (poison,) = await jobs.ended_leases({"other"}, after(60), 10, lost_leases=9)
    assert (poison.worker_failures, poison.is_poison) == ([worker_failure(), second], True)


async def test_a_silence_is_recorded_once_no_matter_which_worker_holds_the_job(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    assert await jobs.reclaim(job, lease("t2", "worker-2", 60), after(30))
    for _ in range(2):
        await jobs.record_worker_failure("job-1", worker_failure())
    assert (await current(jobs)).worker_failures == [worker_failure()]


async def test_a_stop_of_a_worker_counts_only_if_the_run_has_lost_a_lease_before(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs)
    await jobs.record_worker_failure("job-1", worker_failure(how="stopped"))
    assert (await current(jobs)).worker_failures == []
    assert await jobs.reclaim(job, lease("t2", "worker-2", 60), after(30))
    await jobs.record_worker_failure("job-1", worker_failure(how="stopped"))  # recorded late
    assert (await current(jobs)).worker_failures == []
    stop = worker_failure("t2", attempt=2, worker="worker-2", how="stopped")
    await jobs.record_worker_failure("job-1", stop)
    again = await current(jobs)
    assert again.worker_failures == [stop]
    assert await jobs.reclaim(again, lease("t3", "worker-3", 90), after(60))
    late = worker_failure("t2b", attempt=2, worker="worker-2", how="stopped")
    await jobs.record_worker_failure("job-1", late)
    assert (await current(jobs)).worker_failures == [stop, late]


async def test_a_silence_of_a_run_that_has_ended_is_not_recorded(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.FAILED))
    await jobs.record_worker_failure("job-1", worker_failure())
    assert (await current(jobs)).worker_failures == []
    assert await jobs.retry(await current(jobs), after(10))
    await jobs.record_worker_failure("job-1", worker_failure())
    assert (await current(jobs)).worker_failures == []


async def test_an_explicit_retry_forgets_the_silences(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.record_worker_failure("job-1", worker_failure())
    await jobs.settle(job, "t1", end(Outcome.FAILED))
    retried = await jobs.retry(await current(jobs), after(10))
    assert retried is not None
    assert retried.worker_failures == []


async def test_settling_for_a_worker_that_renewed_meanwhile_is_refused(jobs: JobRepository) -> None:
    job = await claimed(jobs)
    await jobs.renew("worker-1", ["job-1"], after(60))
    with pytest.raises(StaleClaim):
        await jobs.settle(job, "t1", end(Outcome.FAILED, at=after(31)), ended=True)
    assert await jobs.settle(job, "t1", end(Outcome.FAILED, at=after(60)), ended=True)


async def test_settling_for_a_worker_that_reported_progress_meanwhile_is_refused(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs, webhook=HOOK)
    await jobs.record_progress(progress(2, slot=slot(2, 31)))
    # An event under the number of this progress would never be sent.
    with pytest.raises(StaleClaim):
        await jobs.settle(job, "t1", end(Outcome.FAILED, seq=2, at=after(31)), ended=True)
    job = await current(jobs)
    lost = end(Outcome.FAILED, seq=3, at=after(31))
    assert await jobs.settle(job, "t1", lost, ended=True) == lost


async def test_of_an_attempt_and_the_worker_that_ends_it_as_lost_only_the_first_has_settled(
    jobs: JobRepository,
) -> None:
    lost = end(Outcome.FAILED, at=after(31))
    job = await claimed(jobs)
    await jobs.settle(job, "t1", end(Outcome.COMPLETED))
    with pytest.raises(StaleClaim):
        await jobs.settle(job, "t1", lost, ended=True)
    assert (await current(jobs)).status is JobStatus.COMPLETED
    again = await jobs.retry(await current(jobs), after(6))
    assert again is not None
    taken = await jobs.claim("job-1", lease("t2"), after(7), TYPES)
    assert taken is not None
    await jobs.settle(taken, "t2", lost, ended=True)
    for outcome in Outcome:
        with pytest.raises(StaleClaim):
            await jobs.settle(taken, "t2", end(outcome, at=after(32)))
    assert (await current(jobs)).status is JobStatus.FAILED


async def test_a_renewal_extends_held_leases_and_returns_the_cancel_flag(
    jobs: JobRepository,
) -> None:
    await claimed(jobs)
    await request_cancel(jobs)
    renewed = await jobs.renew("worker-1", ["job-1", "job-2"], after(60))
    assert {job_id: (r.token, r.cancel_requested) for job_id, r in renewed.items()} == {
        "job-1": ("t1", True)
    }
    held = (await current(jobs)).lease
    assert held is not None
    assert held.expires_at == after(60)
    assert await jobs.renew("worker-2", ["job-1"], after(99)) == {}


@pytest.mark.parametrize(("late", "end"), [(timedelta(0), 60), (LATEST_RENEWAL, 50)])
async def test_a_late_renewal_shortens_no_lease_unless_the_clock_was_set_back(
    jobs: JobRepository, late: timedelta, end: float
) -> None:
    await claimed(jobs)
    await jobs.renew("worker-1", ["job-1"], after(60) + late)
    assert set(await jobs.renew("worker-1", ["job-1"], after(50))) == {"job-1"}
    held = (await current(jobs)).lease
    assert held is not None
    assert held.expires_at == after(end)


async def test_summaries_leave_out_unknown_and_deleted_jobs(
    jobs: JobRepository,
) -> None:
    await claimed(jobs)
    await jobs.insert(make_job("job-2", parameters={"n": 1}))
    gone = make_job("job-3")
    await jobs.insert(gone)
    assert await jobs.delete(gone, NOW)
    found = {job.job_id: job for job in await jobs.summaries(["job-1", "job-2", "job-3", "job-4"])}
    assert set(found) == {"job-1", "job-2"}
    assert found["job-1"].status is JobStatus.PROCESSING
    assert found["job-2"].parameters == {}


async def test_requested_cancellations_are_found_among_many_jobs(
    jobs: JobRepository,
) -> None:
    await claimed(jobs)
    await jobs.insert(make_job("job-2"))
    assert await jobs.cancel_requested_among(["job-1", "job-2"]) == set()
    await request_cancel(jobs)
    assert await jobs.cancel_requested_among(["job-1", "job-2", "job-3"]) == {"job-1"}
    assert await jobs.cancel_requested_among(["job-2"]) == set()


async def test_progress_is_written_under_the_lease_and_sets_an_event(
    jobs: JobRepository,
) -> None:
    await claimed(jobs, webhook=HOOK)
    assert await jobs.record_progress(progress(2, slot=slot(2, 1))) is None
    job = await current(jobs)
    assert job.progress == JobProgress(step="reading", percent=50, message="page 1")
    assert (job.seq, job.notify) == (2, slot(2, 1))


async def test_the_settlement_keeps_the_progress_that_it_overtakes_in_the_slot(
    jobs: JobRepository,
) -> None:
    job = await claimed(jobs, webhook=HOOK)
    overtaken = OvertakenProgress(seq=2, at=after(1), progress=JobProgress(step="reading"))
    ending = Settlement(Outcome.COMPLETED, at=after(2), seq=3, overtaken=overtaken)
    await jobs.settle(job, "t1", ending)
    notify = (await current(jobs)).notify
    assert notify is not None
    assert (notify.seq, notify.phase, notify.overtaken) == (3, Phase.COMPLETED, overtaken)


async def test_a_newer_progress_replaces_the_event_but_keeps_the_due_time(
    jobs: JobRepository,
) -> None:
    await claimed(jobs, webhook=HOOK)
    await jobs.record_progress(progress(2, slot=slot(2, 1)))
    await jobs.record_progress(progress(3, slot=slot(3, 4)))
    assert (await current(jobs)).notify == slot(3, 1)


async def test_a_terminal_event_replaces_the_event_and_is_due_now(jobs: JobRepository) -> None:
    job = await claimed(jobs, webhook=HOOK)
    await jobs.record_progress(progress(2, slot=slot(2, 50)))
    await jobs.settle(job, "t1", end(Outcome.FAILED, seq=3))
    (due,) = await jobs.due_slots(after(5), 10)
    assert due.notify == NotifySlot(seq=3, run=1, phase=Phase.FAILED, due_at=after(5))


async def test_a_slot_is_cleared_only_while_it_holds_that_event(jobs: JobRepository) -> None:
    await claimed(jobs, webhook=HOOK)
    await jobs.record_progress(progress(2, slot=slot(2, 1)))
    await jobs.record_progress(progress(3, slot=slot(3, 1)))
    assert await jobs.clear_slots([("job-1", 2)], after(2)) == {"job-1"}
    assert await jobs.clear_slots([("job-1", 3)], after(2)) == set()
    job = await current(jobs)
    assert (job.notify, job.notified_at) == (None, after(2))
    assert await jobs.record_progress(progress(4)) == after(2)
    unasked = replace(progress(5), asks_notified_at=False)
    assert await jobs.record_progress(unasked) is None


async def test_many_slots_are_cleared_at_once_and_newer_events_are_returned(
    jobs: JobRepository,
) -> None:
    for number in range(3):
        event = NotifySlot(seq=2, run=1, phase=Phase.FAILED, due_at=after(number))
        await jobs.insert(make_job(f"job-{number}", webhook=HOOK, seq=2, notify=event))
    await jobs.insert(make_job("job-3"))
    held = await jobs.slots_of([f"job-{number}" for number in range(5)])
    assert {job.job_id for job in held} == {"job-0", "job-1", "job-2"}
    assert all(job.parameters == {} for job in held)
    events = [("job-0", 2), ("job-1", 1), ("job-3", 1)]
    assert await jobs.clear_slots(events, after(9)) == {"job-1"}
    assert {job.job_id for job in await jobs.slots_of(["job-0", "job-1"])} == {"job-1"}
    cleared = await jobs.get("job-0")
    assert cleared is not None
    assert cleared.notified_at == after(9)
    assert await jobs.clear_slots([("job-1", 2), ("job-2", 2)], after(9)) == set()


async def test_a_slot_can_be_postponed(jobs: JobRepository) -> None:
    await claimed(jobs, webhook=HOOK)
    await jobs.record_progress(progress(2, slot=slot(2, 1)))
    assert await jobs.postpone_slot("job-1", slot(2, 1), after(3))
    assert await jobs.due_slots(after(2), 10) == []
    assert await jobs.next_slot_at(after(2)) == after(3)
    assert not await jobs.postpone_slot("job-1", slot(9, 1), after(9))


async def test_text_that_looks_like_an_expression_stays_text(jobs: JobRepository) -> None:
    job = await claimed(jobs, webhook=HOOK)
    text = {"$owner": "$lease.token", "a.b": "$$NOW"}
    change = ProgressChange("job-1", "t1", 2, NOW, JobProgress(step="$lease"), None)
    await jobs.record_progress(change)
    await jobs.settle(job, "t1", end(Outcome.COMPLETED, seq=3, results=text))
    job = await current(jobs)
    assert job.results == text
    assert job.progress is not None
    assert job.progress.step == "$lease"


async def test_a_listing_is_newest_first_and_pages_by_its_last_job(jobs: JobRepository) -> None:
    for n in range(5):
        await jobs.insert(make_job(f"job-{n}", created_at=after(n // 2), owner=f"key-{n % 2}"))
    first = await jobs.find(JobQuery(limit=2))
    assert [job.job_id for job in first] == ["job-4", "job-3"]
    last = first[-1]
    rest = await jobs.find(JobQuery(after=(last.created_at, last.job_id)))
    assert [job.job_id for job in rest] == ["job-2", "job-1", "job-0"]
    assert not any(job.parameters for job in rest)
    mine = await jobs.find(JobQuery(owner="key-1"))
    assert [job.job_id for job in mine] == ["job-3", "job-1"]


async def test_a_listing_can_be_filtered(jobs: JobRepository) -> None:
    await jobs.insert(make_job("job-1", tags=["red", "blue"], user_id="u1"))
    await jobs.insert(make_job("job-2", job_type="other", created_at=after(10)))
    wanted = {
        "job-1": [JobQuery(tag="red"), JobQuery(user_id="u1"), JobQuery(created_before=after(10))],
        "job-2": [JobQuery(job_type="other"), JobQuery(created_after=after(10))],
    }
    for job_id, queries in wanted.items():
        for query in queries:
            assert [job.job_id for job in await jobs.find(query)] == [job_id]
    assert await jobs.find(JobQuery(status=JobStatus.FAILED)) == []
