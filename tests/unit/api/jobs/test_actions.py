"""Cancel, retry and delete jobs, and the answers."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.api_harness import RETENTION, Api, data_of, error_of

from secretary_common.models import (
    Job,
    JobError,
    JobProgress,
    Lease,
    NewerWord,
    Outcome,
    Phase,
    ProgressChange,
    Settlement,
    Unreadable,
    delivery_id_of,
)

HOOK = {"webhook": {"url": "https://example.com/hook"}}
TYPES = {"custom"}


async def submitted(api: Api, **fields: Any) -> str:
    return str(data_of(await api.submit(HOOK, **fields))["job_id"])


async def claimed(api: Api, job_id: str, lease_sec: float = 30) -> Job:
    now = api.clock.now()
    lease = Lease(owner="w", token="t1", expires_at=now + timedelta(seconds=lease_sec))
    job = await api.jobs.claim(job_id, lease, now, TYPES)
    assert job is not None
    return job


async def ended(api: Api, job_id: str, outcome: Outcome = Outcome.FAILED) -> Job:
    job = await claimed(api, job_id)
    error = JobError(code="X", message="boom") if outcome is Outcome.FAILED else None
    end = Settlement(outcome, api.clock.now(), job.seq + 1, results={"n": 1}, error=error)
    await api.jobs.settle(job, "t1", end)
    return api.jobs.jobs[job_id]


async def ask(api: Api, job_id: str, what: str, **options: Any) -> httpx.Response:
    return await api.request("POST", f"/api/jobs/{job_id}/{what}", **options)


async def test_cancelling_a_pending_job_ends_it_and_rings_for_its_webhook(api: Api) -> None:
    job_id = await submitted(api)
    answer = await ask(api, job_id, "cancel")
    assert answer.status_code == 202
    assert data_of(answer)["job"]["status"] == "cancelled"
    job = api.jobs.jobs[job_id]
    assert job.expires_at == api.clock.now() + RETENTION
    assert job.notify is not None
    assert job.notify.phase is Phase.CANCELLED
    assert api.doorbell.deliveries == [(job_id, job.seq)]


async def test_cancelling_a_running_job_asks_its_worker(api: Api) -> None:
    job_id = await submitted(api)
    await claimed(api, job_id)
    for _ in range(2):  # a second request is not an error
        shown = data_of(await ask(api, job_id, "cancel"))["job"]
        assert (shown["status"], shown["cancel_requested"]) == ("processing", True)
    assert api.doorbell.deliveries == []


async def test_cancelling_a_job_whose_worker_is_lost_ends_it(api: Api) -> None:
    job_id = await submitted(api)
    await claimed(api, job_id, lease_sec=30)
    api.clock.advance(31)
    assert data_of(await ask(api, job_id, "cancel"))["job"]["status"] == "cancelled"
    assert api.jobs.jobs[job_id].lease is None
    assert len(api.doorbell.deliveries) == 1


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED])
async def test_a_job_that_has_ended_is_not_cancelled(api: Api, outcome: Outcome) -> None:
    job_id = await submitted(api)
    await ended(api, job_id, outcome)
    error = error_of(await ask(api, job_id, "cancel"), 409, "INVALID_STATE")
    assert outcome.value in error["message"]


async def test_a_retry_starts_a_new_run_and_rings(api: Api) -> None:
    job_id = await submitted(api)
    await ended(api, job_id)
    api.doorbell.jobs.clear()
    answer = await ask(api, job_id, "retry")
    assert answer.status_code == 202
    shown = data_of(answer)["job"]
    assert (shown["status"], shown["run"], shown["error"]) == ("pending", 2, None)
    assert api.doorbell.jobs == [("custom", job_id)]


async def test_the_last_event_is_relayed_before_the_new_run_starts(api: Api) -> None:
    job_id = await submitted(api)
    job = await ended(api, job_id)
    await ask(api, job_id, "retry")
    (delivery,) = api.deliveries.deliveries.values()
    assert (delivery.delivery_id, delivery.phase) == (
        delivery_id_of(job_id, job.seq),
        Phase.FAILED,
    )
    assert b"boom" in delivery.body
    assert api.doorbell.deliveries == [(delivery.job_id, delivery.seq)]
    assert api.jobs.jobs[job_id].notify is None


async def test_the_last_event_is_relayed_even_if_its_workers_clock_was_ahead(api: Api) -> None:
    job_id = await submitted(api)
    job = await ended(api, job_id)
    assert job.notify is not None
    ahead = job.notify.model_copy(update={"due_at": api.clock.now() + timedelta(seconds=3)})
    api.jobs.jobs[job_id] = job.model_copy(update={"notify": ahead})
    assert (await ask(api, job_id, "retry")).status_code == 202


async def test_only_a_job_that_has_ended_is_retried(api: Api) -> None:
    job_id = await submitted(api)
    error_of(await ask(api, job_id, "retry"), 409, "INVALID_STATE")
    await claimed(api, job_id)
    error_of(await ask(api, job_id, "retry"), 409, "INVALID_STATE")


async def test_a_deleted_job_is_hidden_from_every_answer(api: Api) -> None:
    job_id = await submitted(api)
    await ended(api, job_id)
    assert data_of(await api.request("DELETE", f"/api/jobs/{job_id}")) == {"job_id": job_id}
    paths = ("", "/logs", "/results", "/deliveries")
    for path in paths:
        error_of(await api.get(f"/api/jobs/{job_id}{path}"), 404, "NOT_FOUND")
    error_of(await ask(api, job_id, "retry"), 404, "NOT_FOUND")
    assert data_of(await api.get("/api/jobs/"))["jobs"] == []
    assert api.jobs.jobs[job_id].expires_at == api.clock.now()


async def test_deleting_a_pending_job_cancels_it_and_rings_for_its_webhook(api: Api) -> None:
    job_id = await submitted(api)
    await api.request("DELETE", f"/api/jobs/{job_id}")
    job = api.jobs.jobs[job_id]
    assert job.notify is not None
    assert api.doorbell.deliveries == [(job_id, job.seq)]


async def test_a_running_job_is_not_deleted(api: Api) -> None:
    job_id = await submitted(api)
    await claimed(api, job_id)
    error_of(await api.request("DELETE", f"/api/jobs/{job_id}"), 409, "INVALID_STATE")


async def test_a_job_of_another_key_does_not_exist(api: Api) -> None:
    job_id = await submitted(api)
    other = await api.new_key()
    for what in ("cancel", "retry"):
        error_of(await ask(api, job_id, what, key=other), 404, "NOT_FOUND")
    error_of(await api.request("DELETE", f"/api/jobs/{job_id}", key=other), 404, "NOT_FOUND")
    assert api.jobs.jobs[job_id].status == "pending"


class ClaimedMeanwhile:
    """A job repository whose job is claimed between the read and the cancellation."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def cancel(self, job: Job, now: Any, expires_at: Any) -> Job | None:
        if self.api.jobs.jobs[job.job_id].status == "pending":
            await claimed(self.api, job.job_id)
        return await type(self.api.jobs).cancel(self.api.jobs, job, now, expires_at)


async def test_a_cancellation_that_loses_to_a_claim_asks_the_worker(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await submitted(api)
    monkeypatch.setattr(api.jobs, "cancel", ClaimedMeanwhile(api).cancel)
    shown = data_of(await ask(api, job_id, "cancel"))["job"]
    assert (shown["status"], shown["cancel_requested"]) == ("processing", True)


async def test_progress_between_read_and_cancel_does_not_matter(api: Api) -> None:
    job_id = await submitted(api)
    job = await claimed(api, job_id)
    change = ProgressChange(
        job_id, "t1", job.seq + 1, api.clock.now(), JobProgress(percent=5), None
    )
    await api.jobs.record_progress(change)
    assert data_of(await ask(api, job_id, "cancel"))["job"]["cancel_requested"]


async def test_a_job_that_lost_unreadable_fields_is_not_retried(api: Api) -> None:
    job = await ended(api, await submitted(api))
    mark = Unreadable(at=api.clock.now(), reason="parameters: is of the type string")
    api.jobs.put(job, unreadable=mark)
    answer = await ask(api, job.job_id, "retry")
    assert "parameters" in error_of(answer, 409, "INVALID_STATE")["message"]
    assert (await api.request("DELETE", f"/api/jobs/{job.job_id}")).status_code == 200


@pytest.mark.parametrize("what", ["cancel", "retry", "delete"])
async def test_only_the_newer_version_changes_a_job_with_its_word(api: Api, what: str) -> None:
    job_id = await submitted(api)
    newer = {"status": NewerWord("parked"), "newer": "status: has a word of a newer version"}
    api.jobs.put(api.jobs.jobs[job_id], **newer)
    shown = data_of(await api.request("GET", f"/api/jobs/{job_id}"))
    assert shown["status"] == "parked"
    path = f"/api/jobs/{job_id}"
    answer = await (
        api.request("DELETE", path) if what == "delete" else api.request("POST", f"{path}/{what}")
    )
    error_of(answer, 409, "INVALID_STATE")
    assert api.jobs.jobs[job_id].status == "parked"
