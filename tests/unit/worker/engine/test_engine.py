"""The promises of the engine, with in-memory repositories and handlers in their real loop."""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, cast

import pytest
from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr, field_validator
from support.engine_harness import CIPHER, CLOCK, engine

from secretary_common.broker.message import RingOutcome
from secretary_common.errors import (
    ErrorCode,
    NotStorable,
    PermanentError,
    StaleClaim,
    StoreUnavailable,
    TransientError,
)
from secretary_common.models import (
    Job,
    JobError,
    JobProgress,
    JobStatus,
    Lease,
    Phase,
    ProgressChange,
    Settlement,
    new_token,
)
from secretary_common.models.states import TERMINAL
from secretary_common.secrets.cipher import Cipher
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker import Handler, ResourceCalculator, SecretaryJobRepository


async def nothing(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    """Return at once."""


def process_custom(parameters: dict[str, Any]) -> str:
    """A function of the user."""
    return str(parameters["input"]).upper()


async def handle_custom_job(
    job: Job, repo: SecretaryJobRepository, resource_calculator: ResourceCalculator
) -> None:
    """A handler in the style of older code."""
    # Update progress
    repo.update_job_progress(
        job.job_id,
        JobProgress(step="processing", percent=0),
    )

    # Process job
    params = job.parameters
    result = process_custom(params)

    # Store results
    repo.update_job_results(
        job.job_id,
        {"result": result},
    )

    # Mark as completed
    repo.update_job_status(
        job.job_id,
        JobStatus.COMPLETED,
    )


async def test_an_older_handler_runs_unchanged() -> None:
    async with engine(handle_custom_job) as worker:
        job = await worker.ended(await worker.submit(parameters={"input": "data"}))
    assert (job.status, job.results) == (JobStatus.COMPLETED, {"result": "DATA"})
    assert job.progress == JobProgress(
        step="completed", percent=100, message="Processing completed"
    )
    assert job.notify is not None
    assert (job.notify.phase, job.notify.seq) == (Phase.COMPLETED, job.seq)
    assert (job.job_id, job.seq) in worker.doorbell.deliveries


async def test_repository_calls_accept_keywords() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        progress = JobProgress(step="extracting_text", percent=50, message="Extracting…")
        repo.update_job_progress(job_id=job.job_id, progress=progress)
        repo.add_log_entry(job_id=job.job_id, level="info", message="Processing started")
        details = {"error_type": "OCR_ERROR"}
        error = JobError(code="PROCESSING_ERROR", message="Failed", details=details)
        repo.update_job_error(job_id=job.job_id, error=error)
        repo.update_job_status(job_id=job.job_id, status=JobStatus.FAILED)

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
        entry, ending = await worker.logs.tail(job.job_id, 10)
    assert ending.message == "Attempt 1 failed with PROCESSING_ERROR: Failed"
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.details == {"error_type": "OCR_ERROR"}
    assert job.progress is not None
    assert job.progress.percent == 50
    assert (entry.level, entry.message, entry.attempt) == ("info", "Processing started", 1)


async def test_a_handler_that_returns_completes_with_its_results() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, used: ResourceCalculator) -> None:
        used.add_pages(3)
        await repo.update_job_results(job.job_id, {"n": 1})

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.results, job.usage) == (JobStatus.COMPLETED, {"n": 1}, {"pages": 3})


async def test_a_returned_mapping_is_the_results() -> None:
    async def handler(*_: Any) -> dict[str, int]:
        return {"answer": 42}

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.results) == (JobStatus.COMPLETED, {"answer": 42})


@pytest.mark.parametrize("returned", [{"returned": 1}, True])
async def test_results_that_the_handler_set_count_more_than_returned_ones(returned: Any) -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: Any) -> Any:
        repo.update_job_results(job.job_id, {"set": 1})
        return returned

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert job.results == {"set": 1}


@pytest.mark.parametrize("returned", [[1], "text", True, {"place": float("nan")}])
async def test_a_returned_value_that_cannot_be_stored_fails_the_job(returned: Any) -> None:
    async def handler(*_: Any) -> Any:
        return returned

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "NOT_STORABLE")


async def test_a_returned_write_is_no_result() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: Any) -> Any:
        return repo.update_job_results(job.job_id, {"set": 1})

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.results) == (JobStatus.COMPLETED, {"set": 1})


async def test_a_handler_that_is_not_async_fails_its_job_with_the_reason() -> None:
    def handler(*_: Any) -> None:
        """Return nothing that could be awaited."""

    async with engine(cast("Handler", handler)) as worker:
        job = await worker.ended(await worker.submit())
    assert job.error is not None
    assert job.error.message == "the handler of test is not an async function"
    assert job.attempt == 1


class Dated(BaseModel):
    when: date | None = None
    pin: str = ""

    @field_validator("pin")
    @classmethod
    def _check(cls, value: str) -> str:
        if value == "1234":
            raise ValueError(f"{value} is too simple")
        return value


@pytest.mark.parametrize(
    ("parameters", "field"), [({"when": "hunter2"}, "when"), ({"pin": "1234"}, "pin")]
)
async def test_parameters_that_their_model_refuses_fail_at_once_without_values(
    parameters: dict[str, Any], field: str
) -> None:
    async def handler(job: Job, *_: Any) -> None:
        Dated.model_validate(job.parameters)

    async with engine(handler, params=Dated) as worker:
        job = await worker.ended(await worker.submit(parameters=parameters))
    assert job.error is not None
    assert (job.error.code, job.attempt) == (ErrorCode.VALIDATION_ERROR, 1)
    assert [one["field"] for one in (job.error.details or {})["fields"]] == [f"parameters.{field}"]
    assert parameters[field] not in job.error.model_dump_json()


async def test_an_error_of_another_model_is_tried_again() -> None:
    class Answer(BaseModel):
        text: str

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        if job.attempt == 1:
            Answer.model_validate({})
        repo.update_job_results(job.job_id, {"attempt": job.attempt})

    async with engine(handler, params=Dated) as worker:
        job = await worker.until(
            await worker.submit(), lambda job: bool(job.error) or job.status in TERMINAL
        )
    assert job.status is JobStatus.PENDING


class Locked(BaseModel):
    password: SecretStr
    plain: str


async def test_encrypted_parameters_are_decrypted_for_the_handler_alone() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.update_job_results(job.job_id, {"length": len(job.parameters["password"])})

    async with engine(handler, params=Locked) as worker:
        sealed = CIPHER.seal("hunter2")
        job = await worker.ended(await worker.submit(parameters={"password": sealed, "plain": "x"}))
    assert job.results == {"length": len("hunter2")}
    assert job.parameters["password"] == sealed


async def test_a_worker_without_the_key_of_a_job_hands_it_back_at_no_attempt() -> None:
    other = Cipher([SecretStr(Fernet.generate_key().decode())])
    async with engine(nothing, params=Locked) as worker:
        parameters = {"password": other.seal("hunter2"), "plain": "x"}
        job_id = await worker.submit(parameters=parameters)
        job = await worker.until(job_id, lambda job: job.unfit_workers == 1)
        assert list(worker.manager.state().unfit) == ["encryption_key"]
    assert (job.status, job.counted_attempts) == (JobStatus.PENDING, 0)
    assert job.error is not None
    assert job.error.code == ErrorCode.WORKER_UNFIT


async def test_awaited_writes_are_durable_when_the_await_returns() -> None:
    seen: list[int] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one", percent=30))
        stored = worker.jobs.jobs[job.job_id].progress
        seen.append(stored.percent if stored else -1)

    async with engine(handler) as worker:
        await worker.ended(await worker.submit())
    assert seen == [30]


async def test_a_write_submitted_during_another_is_durable_when_its_await_returns() -> None:
    class Slow(InMemoryJobRepository):
        async def record_progress(self, change: ProgressChange) -> datetime | None:
            await asyncio.sleep(0.1)
            return await super().record_progress(change)

    seen: list[str] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        first = asyncio.ensure_future(repo.update_job_progress(job.job_id, JobProgress(step="1")))
        await asyncio.sleep(0.05)
        await repo.update_job_progress(job.job_id, JobProgress(step="2"))
        stored = worker.jobs.jobs[job.job_id].progress
        seen.append(stored.step if stored else "")
        await first

    async with engine(handler, jobs=Slow()) as worker:
        assert (await worker.ended(await worker.submit())).status is JobStatus.COMPLETED
    assert seen == ["2"]


async def test_the_settlement_writes_the_last_progress() -> None:
    class Counting(InMemoryJobRepository):
        written: ClassVar[list[str]] = []

        async def record_progress(self, change: ProgressChange) -> datetime | None:
            self.written.append(change.progress.step)
            return await super().record_progress(change)

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one", percent=10))
        repo.update_job_progress(job.job_id, JobProgress(step="two", percent=20))
        raise PermanentError("enough")

    async with engine(handler, jobs=Counting()) as worker:
        job = await worker.ended(await worker.submit())
    assert job.progress == JobProgress(step="two", percent=20)
    assert Counting.written == ["one"]


async def test_percent_never_falls_within_an_attempt() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one", percent=60))
        await repo.update_job_progress(job.job_id, JobProgress(step="two", percent=20))
        raise PermanentError("enough")

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert job.progress == JobProgress(step="two", percent=60)


async def test_a_flood_of_progress_is_coalesced_and_the_last_one_counts() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        for percent in range(100):
            repo.update_job_progress(job.job_id, JobProgress(step="s", percent=percent))
        raise PermanentError("enough")

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert job.progress == JobProgress(step="s", percent=99)
    assert job.seq <= 4  # claim, at most two progress writes, settle


async def test_writes_may_come_from_threads() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        def work() -> None:
            for n in range(50):
                repo.add_log_entry(job.job_id, "info", f"{threading.get_ident()} {n}")

        await asyncio.gather(*(asyncio.to_thread(work) for _ in range(3)))

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
        assert len(await worker.logs.tail(job.job_id, 999)) == 150
    assert job.status is JobStatus.COMPLETED


async def test_the_first_terminal_status_wins() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
        await repo.update_job_results(job.job_id, {"late": True})
        await repo.update_job_status(job.job_id, JobStatus.FAILED)
        raise ValueError("ignored")

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
        job = await worker.until(job.job_id, lambda _: not worker.manager.running)
    assert (job.status, job.results, job.error) == (JobStatus.COMPLETED, None, None)


async def test_many_writes_after_the_end_of_a_job_make_one_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
        for n in range(100):
            repo.add_log_entry(job.job_id, "info", f"line {n}")

    with caplog.at_level(logging.INFO):
        async with engine(handler) as worker:
            job = await worker.ended(await worker.submit())
    assert job.status is JobStatus.COMPLETED
    assert worker.logs.entries == {}
    assert caplog.messages.count("attempt.late_write_ignored") == 1


async def test_a_result_that_cannot_be_stored_fails_the_job_at_the_call() -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.update_job_results(job.job_id, {"n": float("nan")})

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == ErrorCode.NOT_STORABLE


@pytest.mark.parametrize("results", [[1, 2], "text", None, 7])
async def test_results_that_are_no_object_fail_the_job_at_the_call(results: Any) -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.update_job_results(job.job_id, results)

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == ErrorCode.NOT_STORABLE


async def test_a_handler_cannot_write_to_another_job() -> None:
    async def handler(_: Job, repo: SecretaryJobRepository, __: ResourceCalculator) -> None:
        repo.update_job_status("job-of-another-client", JobStatus.COMPLETED)

    async with engine(handler) as worker:
        assert (await worker.ended(await worker.submit())).status is JobStatus.FAILED


async def test_a_failing_attempt_is_tried_again_until_it_works() -> None:
    async def handler(job: Job, _: SecretaryJobRepository, __: ResourceCalculator) -> None:
        if job.attempt < 3:
            raise TransientError("not yet", retry_after=0.02)

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.attempt, job.error) == (JobStatus.COMPLETED, 3, None)


async def test_attempts_are_bounded() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        raise TransientError("never", retry_after=0.01)

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit(max_attempts=2))
    assert (job.status, job.attempt) == (JobStatus.FAILED, 2)


async def test_a_handler_that_takes_too_long_is_stopped() -> None:
    stopped = threading.Event()

    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    async with engine(handler, timeout_sec=0.05) as worker:
        job = await worker.ended(await worker.submit(max_attempts=1))
    assert stopped.is_set()
    assert job.error is not None
    assert job.error.code == ErrorCode.JOB_TIMEOUT


async def test_a_handler_that_blocks_its_loop_keeps_its_job() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        time.sleep(3)  # noqa: ASYNC251 - the worker must survive it

    async with (
        engine(handler, lease_sec=1, heartbeat_sec=0.2) as worker,
        engine(nothing, jobs=worker.jobs, lease_sec=1, heartbeat_sec=0.2),
    ):
        job = await worker.ended(await worker.submit())
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_worker_that_lost_its_lease_stops_and_writes_nothing() -> None:
    refused: list[type[BaseException]] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            try:
                await repo.update_job_progress(job.job_id, JobProgress(step="late"))
            except StaleClaim:
                refused.append(StaleClaim)

    async with engine(handler, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit()
        held = await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        assert held.lease is not None
        thief = held.lease.model_copy(update={"owner": "thief", "token": new_token()})
        worker.jobs.jobs[job_id] = held.model_copy(update={"lease": thief})
        await worker.until(job_id, lambda _: not worker.manager.running)
        job = worker.jobs.jobs[job_id]
    assert (job.status, job.lease, job.progress) == (JobStatus.PROCESSING, thief, None)
    assert refused == [StaleClaim]


async def test_a_running_job_is_cancelled_at_the_next_renewal() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        await asyncio.sleep(60)

    async with engine(handler, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit()
        held = await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
        worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})
        job = await worker.ended(job_id)
    assert (job.status, job.attempt) == (JobStatus.CANCELLED, 1)


async def test_the_job_of_a_lost_worker_is_reclaimed_and_finished_once() -> None:
    async with engine(nothing, lease_sec=0.2, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit(status="processing", attempt=1, seq=1, lease=ghost())
        job = await worker.ended(job_id)
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 2)


async def test_a_lost_lease_spends_no_attempt() -> None:
    async with engine(nothing, lease_sec=0.2, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit(
            status="processing", attempt=1, max_attempts=1, seq=1, lease=ghost()
        )
        job = await worker.ended(job_id)
    assert (job.status, job.attempt, job.lost_leases) == (JobStatus.COMPLETED, 2, 1)


async def test_a_job_that_loses_its_worker_ten_times_fails_as_worker_lost() -> None:
    async with engine(nothing, lease_sec=0.2, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit(
            status="processing", attempt=10, forgiven=9, lost_leases=9, seq=10, lease=ghost()
        )
        job = await worker.ended(job_id)
    assert (job_id, job.seq) in worker.doorbell.deliveries
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == ErrorCode.WORKER_LOST


async def test_worker_lost_names_the_lost_attempt_and_its_worker() -> None:
    async with engine(nothing, lease_sec=0.2, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit(
            status="processing", attempt=10, forgiven=9, lost_leases=9, seq=10, lease=ghost()
        )
        job = await worker.ended(job_id)
    assert job.error is not None
    assert job.error.details is not None
    [lost] = job.error.details["attempts"]
    assert (lost["attempt"], lost["worker"]) == (10, ghost()["owner"])


async def test_the_log_has_a_line_about_a_lost_attempt() -> None:
    async with engine(nothing, lease_sec=0.2, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit(status="processing", attempt=1, seq=1, lease=ghost())
        await worker.ended(job_id)
    [line] = await worker.logs.tail(job_id, 10)
    assert (line.attempt, line.level) == (1, "warning")
    assert line.message.startswith("Attempt 1 was lost with its worker")


async def test_the_log_has_the_whole_error_of_an_attempt_that_fails() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        raise ValueError("no such page")

    async with engine(handler) as worker:
        job_id = await worker.submit(max_attempts=1)
        job = await worker.ended(job_id)
    assert job.status is JobStatus.FAILED
    [line] = await worker.logs.tail(job_id, 10)
    assert "Attempt 1 failed with PROCESSING_ERROR: ValueError: no such page" in line.message
    assert "Traceback" in line.message


async def test_an_attempt_that_completes_writes_no_line_of_its_own() -> None:
    async with engine(nothing) as worker:
        job_id = await worker.submit()
        await worker.ended(job_id)
    assert await worker.logs.tail(job_id, 10) == []


async def test_a_job_that_silenced_two_workers_fails_as_poisoned_with_details() -> None:
    worker_failures = [
        {"run": 1, "attempt": 1, "token": "a", "worker": "w1", "how": "frozen", "at": CLOCK.now()},
        {"run": 1, "attempt": 2, "token": "boo", "worker": "w2", "how": "died", "at": CLOCK.now()},
    ]
    async with engine(nothing, lease_sec=0.2, heartbeat_sec=0.05) as worker:
        job_id = await worker.submit(
            status="processing", attempt=2, seq=3, lease=ghost(), worker_failures=worker_failures
        )
        job = await worker.ended(job_id)
    assert (job.status, job.attempt) == (JobStatus.FAILED, 2)
    assert job.error is not None
    assert job.error.code == ErrorCode.POISONED
    assert job.error.details is not None
    known = [
        (each["attempt"], each["worker"], each["how"])
        for each in job.error.details["worker_failures"]
    ]
    assert known == [(1, "w1", "frozen"), (2, "w2", "died")]


async def test_a_new_worker_lets_the_owners_renew_before_it_reclaims() -> None:
    async with engine(nothing, heartbeat_sec=0.5) as worker:
        job_id = await worker.submit(status="processing", attempt=1, seq=1, lease=ghost())
        await asyncio.sleep(0.2)
        assert worker.jobs.jobs[job_id].attempt == 1
        assert (await worker.ended(job_id)).attempt == 2


def ghost() -> dict[str, Any]:
    return {"owner": "ghost", "token": "boo", "expires_at": CLOCK.now()}


async def test_shutdown_lets_jobs_finish() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        await asyncio.sleep(0.2)

    async with engine(handler) as worker:
        job_id = await worker.submit()
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
    assert worker.jobs.jobs[job_id].status is JobStatus.COMPLETED


async def test_shutdown_is_not_failure() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        await asyncio.sleep(60)

    async with engine(handler, drain_sec=0.05) as worker:
        job_id = await worker.submit()
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
    job = worker.jobs.jobs[job_id]
    assert (job.status, job.attempt, job.forgiven, job.error) == (JobStatus.PENDING, 1, 1, None)
    assert ("test", job_id) in worker.doorbell.jobs


async def test_a_scheduled_job_starts_when_it_is_due() -> None:
    async with engine(nothing, poll_interval_sec=30) as worker:
        due = CLOCK.now().timestamp() + 0.3
        job_id = await worker.submit(run_at=due)
        await worker.manager.ring("test", job_id)
        job = await worker.ended(job_id)
    assert job.processing_started_at is not None
    assert 0 <= job.processing_started_at.timestamp() - due < 1


async def test_a_doorbell_is_answered_without_waiting_for_the_poll() -> None:
    async with engine(nothing, poll_interval_sec=30) as worker:
        await asyncio.sleep(0.05)
        job_id = await worker.submit()
        assert await worker.manager.ring("test", job_id) is RingOutcome.CLAIMED
        assert (await worker.ended(job_id)).status is JobStatus.COMPLETED
        assert await worker.manager.ring("test", job_id) is RingOutcome.GONE
        assert await worker.manager.ring("test", "job-unknown") is RingOutcome.GONE


async def test_a_full_worker_gives_doorbells_back() -> None:
    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        await asyncio.sleep(60)

    async with engine(handler, slots=1, drain_sec=0.01) as worker:
        first = await worker.submit()
        await worker.until(first, lambda job: job.status is JobStatus.PROCESSING)
        assert await worker.manager.ring("test", await worker.submit()) is RingOutcome.GIVEN_BACK


async def test_never_more_jobs_run_than_there_are_slots() -> None:
    lock, running, most = threading.Lock(), [0], [0]

    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        await asyncio.sleep(0.01)
        with lock:
            running[0] -= 1

    async with engine(handler, slots=3) as worker:
        ids = [await worker.submit() for _ in range(30)]
        rings = [worker.manager.ring("test", job_id) for job_id in ids]
        await asyncio.gather(*rings)
        for job_id in ids:
            assert (await worker.ended(job_id)).attempt == 1
    assert most[0] == 3


@pytest.mark.parametrize("level", ["info", "nonsense"])
async def test_log_levels_are_the_documented_ones(level: Any) -> None:
    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.add_log_entry(job.job_id, level, "line")

    async with engine(handler) as worker:
        job = await worker.ended(await worker.submit())
        assert [entry.level for entry in await worker.logs.tail(job.job_id, 9)] == ["info"]


async def test_results_that_do_not_fit_into_the_job_go_into_a_file() -> None:
    class Small(InMemoryJobRepository):
        async def settle(
            self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
        ) -> Settlement:
            if settlement.results:
                raise NotStorable
            return await super().settle(job, token, settlement, ended=ended)

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.update_job_results(job.job_id, {"text": "too large"})

    async with engine(handler, jobs=Small()) as worker:
        job = await worker.ended(await worker.submit())
        assert job.results_file is not None
        _, content = worker.files.whole[job.results_file.file_id]
    assert (job.status, job.attempt, job.results) == (JobStatus.COMPLETED, 1, None)
    assert content == b'{"text":"too large"}'


async def test_an_awaited_write_that_fails_for_good_raises_in_the_handler() -> None:
    class Broken(InMemoryJobRepository):
        async def record_progress(self, _: ProgressChange) -> datetime | None:
            raise LookupError("the store has a fault")

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await repo.update_job_progress(job.job_id, JobProgress(step="one"))

    async with engine(handler, jobs=Broken()) as worker:
        job = await worker.ended(await worker.submit(max_attempts=1))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.message == "LookupError: the store has a fault"


async def test_writes_are_repeated_in_an_outage_while_the_lease_lasts() -> None:
    class Away(InMemoryJobRepository):
        answers = 3

        async def settle(
            self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
        ) -> Settlement:
            self.answers -= 1
            if self.answers > 0:
                raise StoreUnavailable
            return await super().settle(job, token, settlement, ended=ended)

    async with engine(nothing, jobs=Away()) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


async def test_a_claim_whose_answer_was_lost_is_found_and_run_once() -> None:
    class Forgetful(InMemoryJobRepository):
        lost = False

        async def claim(
            self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
        ) -> Job | None:
            job = await super().claim(job_id, lease, now, job_types)
            if job and not self.lost:
                self.lost = True
                raise StoreUnavailable
            return job

    async with engine(nothing, jobs=Forgetful()) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


@pytest.mark.parametrize("error", [StoreUnavailable(), LookupError("a fault of the read")])
async def test_the_jobs_of_a_batch_claim_whose_answer_was_lost_are_found_and_run_once(
    error: Exception,
) -> None:
    class Forgetful(InMemoryJobRepository):
        """Of the first batch of several jobs it claims all but the last, and loses the answer."""

        def __init__(self) -> None:
            super().__init__()
            self.lost: list[str] = []

        async def claim_many(
            self, job_ids: Sequence[str], lease: Lease, now: datetime, job_types: Collection[str]
        ) -> list[Job]:
            if self.lost or len(job_ids) == 1:
                return await super().claim_many(job_ids, lease, now, job_types)
            self.lost.extend(job_ids)
            await super().claim_many(job_ids[:-1], lease, now, job_types)
            raise error

    store, most = Forgetful(), [0]

    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        most[0] = max(most[0], len(worker.manager.running))

    async with engine(handler, jobs=store, slots=4) as worker:
        ids = [await worker.submit() for _ in range(6)]
        ended = [await worker.ended(job_id) for job_id in ids]
    assert len(store.lost) == 4
    assert {(job.status, job.attempt) for job in ended} == {(JobStatus.COMPLETED, 1)}
    assert most[0] <= 4


async def raise_exit(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    raise SystemExit(3)


async def raise_exit_in_a_task(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    async def end() -> None:
        raise KeyboardInterrupt

    await asyncio.create_task(end())


async def raise_exit_in_a_thread(
    _: Job, __: SecretaryJobRepository, ___: ResourceCalculator
) -> None:
    await asyncio.to_thread(sys.exit, 3)


async def raise_without_text(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    raise Unprintable


async def return_garbage(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> Any:
    return object()


def not_a_coroutine(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> Any:
    return 42


@pytest.mark.parametrize(
    "handler",
    [
        raise_exit,
        raise_exit_in_a_task,
        raise_exit_in_a_thread,
        raise_without_text,
        return_garbage,
        not_a_coroutine,
    ],
)
async def test_whatever_a_handler_does_its_attempt_ends_and_other_jobs_go_on(handler: Any) -> None:
    async def either(
        job: Job, repository: SecretaryJobRepository, calculator: ResourceCalculator
    ) -> Any:
        if job.parameters.get("quiet"):
            return await asyncio.sleep(0.3)
        result = handler(job, repository, calculator)
        return await result if asyncio.iscoroutine(result) else result

    async with engine(either) as worker:
        other = await worker.submit(parameters={"quiet": True})
        await worker.until(other, lambda job: job.status is JobStatus.PROCESSING)
        job = await worker.ended(await worker.submit(max_attempts=1))
        assert (await worker.ended(other)).status is JobStatus.COMPLETED
    assert job.status in (JobStatus.FAILED, JobStatus.COMPLETED)
    assert job.attempt == 1
