"""``?wait``: the answer comes with the end of the job."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from support.api_harness import Api, data_of, refused_field

from secretary_common.errors import NotFound, StoreUnavailable
from secretary_common.models import Lease, Outcome, Settlement, WorkerReport
from secretary_common.ports import FeedPlace
from secretary_common.testing.jobs import InMemoryJobFeed


async def complete(api: Api) -> None:
    """Complete the first waiting job as soon as it is there."""
    async for group in InMemoryJobFeed(api.jobs).changes(FeedPlace(1, 0)):
        if group.job_ids:
            break
    [job_id] = api.jobs.jobs
    now = api.clock.now()
    lease = Lease(owner="w1", token="t1", expires_at=now + timedelta(seconds=30))
    job = await api.jobs.claim(job_id, lease, now, {"custom"})
    assert job is not None
    end = Settlement(Outcome.COMPLETED, now, 2, results={"answer": 42})
    await api.jobs.settle(job, "t1", end)


async def test_a_submission_that_waits_is_answered_with_the_results(api: Api) -> None:
    body = {"job_type": "custom", "parameters": {}}
    submitting = asyncio.ensure_future(api.request("POST", "/api/jobs/?wait=30", json=body))
    await complete(api)
    answer = await submitting
    assert answer.status_code == 202
    job = data_of(answer)["job"]
    assert (job["status"], job["results"]) == ("completed", {"answer": 42})


@pytest.mark.parametrize(("scopes", "results"), [(["submit"], None), ([], {"answer": 42})])
async def test_a_repeated_submission_shows_results_only_to_a_key_that_may_read(
    api: Api, scopes: list[str], results: Any
) -> None:
    key = await api.new_key(scopes=scopes)
    request = {"json": {"job_type": "custom"}, "headers": {"Idempotency-Key": "one"}}
    await api.request("POST", "/api/jobs/", key=key, **request)
    await complete(api)
    job = data_of(await api.request("POST", "/api/jobs/", key=key, **request))["job"]
    assert (job["status"], job["results"]) == ("completed", results)


async def test_a_job_that_is_shown_with_wait_is_answered_at_its_end(api: Api) -> None:
    job_id = data_of(await api.submit())["job_id"]
    showing = asyncio.ensure_future(api.get(f"/api/jobs/{job_id}?wait=30"))
    await complete(api)
    assert data_of(await showing)["status"] == "completed"


async def test_a_wait_that_is_over_answers_with_the_job_as_it_is(api: Api) -> None:
    job_id = data_of(await api.submit())["job_id"]
    assert data_of(await api.get(f"/api/jobs/{job_id}?wait=0.01"))["status"] == "pending"


@pytest.mark.parametrize("failure", [StoreUnavailable(), NotFound("it was deleted")])
async def test_a_job_that_is_stored_is_accepted_whatever_happens_during_the_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    async def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(api.jobs, "get", fail)
    answer = await api.request("POST", "/api/jobs/?wait=0.01", json={"job_type": "custom"})
    assert answer.status_code == 202, answer.text
    assert list(api.jobs.jobs) == [data_of(answer)["job"]["job_id"]]


@pytest.mark.parametrize("wait", ["61", "-1", "soon", "nan"])
async def test_a_wait_that_is_no_time_is_refused_and_stores_nothing(api: Api, wait: str) -> None:
    body = {"job_type": "custom", "parameters": {}}
    refused_field(await api.request("POST", f"/api/jobs/?wait={wait}", json=body), "wait")
    assert not api.jobs.jobs


async def test_the_answer_says_how_many_live_workers_run_the_type(api: Api) -> None:
    assert data_of(await api.submit())["workers"] == 0
    now = api.clock.now()
    report: dict[str, Any] = {
        "worker_id": "w1",
        "host": "h",
        "pid": 1,
        "started_at": now,
        "seen_at": now,
        "alive_until": now + timedelta(seconds=30),
        "job_types": ["custom"],
        "slots": 1,
        "running": [],
        "active": True,
        "listening": True,
    }
    await api.workers.report(WorkerReport(**report))
    api.clock.advance(3)
    assert data_of(await api.submit())["workers"] == 1
    assert data_of(await api.submit_pdf(filename="/srv/files/a.pdf"))["workers"] == 0
