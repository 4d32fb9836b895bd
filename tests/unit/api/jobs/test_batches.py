"""Batches: all jobs or none; the counts come from the jobs."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.api_harness import Api, data_of, error_of, refused_field

from secretary_common.models import Job, JobError, JobStatus, Lease, Outcome, Settlement


async def submit(api: Api, *jobs: Any, **fields: Any) -> httpx.Response:
    return await api.request("POST", "/api/jobs/batch", json={"jobs": list(jobs), **fields})


def custom(**fields: Any) -> dict[str, Any]:
    return {"job_type": "custom", **fields}


async def run(api: Api, job_id: str, outcome: Outcome | None = None) -> None:
    now = api.clock.now()
    lease = Lease(owner="w", token=job_id, expires_at=now + timedelta(seconds=30))
    job = await api.jobs.claim(job_id, lease, now, {"custom"})
    assert job is not None
    if outcome:
        error = JobError(code="X", message="boom")
        await api.jobs.settle(job, job_id, Settlement(outcome, now, job.seq + 1, error=error))


async def shown(api: Api, batch_id: str) -> Any:
    return data_of(await api.get(f"/api/jobs/batch/{batch_id}"))


async def test_a_batch_is_stored_and_rung_for(api: Api) -> None:
    answer = await submit(api, custom(tags=["a"]), custom(priority=9), batch_name="two")
    assert answer.status_code == 202
    made = data_of(answer)
    assert answer.headers["location"] == f"/api/jobs/batch/{made['batch_id']}"
    jobs = [api.jobs.jobs[job_id] for job_id in made["job_ids"]]
    assert [(job.batch_id, job.priority, job.tags) for job in jobs] == [
        (made["batch_id"], 5, ["a"]),
        (made["batch_id"], 9, []),
    ]
    await api.background.finish()
    assert {job_id for _, job_id in api.doorbell.jobs} == set(made["job_ids"])
    assert await shown(api, made["batch_id"]) == {
        "batch_id": made["batch_id"],
        "batch_name": "two",
        "created_at": jobs[0].created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "status": "pending",
        "counts": dict.fromkeys(("processing", "completed", "failed", "cancelled"), 0)
        | {"pending": 2, "total": 2},
    }
    listed = data_of(await api.get(f"/api/jobs/?batch_id={made['batch_id']}"))["jobs"]
    assert {job["job_id"] for job in listed} == set(made["job_ids"])


async def test_batches_are_listed_with_their_counts(api: Api) -> None:
    made = [data_of(await submit(api, *[custom()] * n))["batch_id"] for n in (1, 2, 3)]
    page = data_of(await api.get("/api/jobs/batch?limit=2"))
    rest = data_of(await api.get(f"/api/jobs/batch?limit=2&cursor={page['next']}"))
    found = page["batches"] + rest["batches"]
    assert rest["next"] is None
    assert sorted(one["batch_id"] for one in found) == sorted(made)
    assert sorted(one["counts"]["total"] for one in found) == [1, 2, 3]
    error_of(await api.get("/api/jobs/batch?limit=51"), 422, "VALIDATION_ERROR")


async def test_a_thousand_jobs_with_a_bad_one_store_nothing(api: Api) -> None:
    cases: list[tuple[Any, str, str]] = [
        (custom(priority=99), "jobs.777.priority", "VALIDATION_ERROR"),
        ({"job_type": "nope"}, "jobs.777.job_type", "UNKNOWN_JOB_TYPE"),
        (
            {"job_type": "pdf", "parameters": {"filename": "/etc/passwd"}},
            "jobs.777.parameters.filename",
            "FILE_OUTSIDE_ROOTS",
        ),
        (
            custom(parameters={"webhook": {"url": "http://10.0.0.1/"}}),
            "jobs.777.parameters.webhook.url",
            "URL_REFUSED",
        ),
    ]
    for bad, field, code in cases:
        jobs = [custom() for _ in range(1000)]
        jobs[777] = bad
        refused_field(await submit(api, *jobs), field, code)
    assert api.jobs.jobs == {}
    assert api.batches.batches == {}


async def test_a_batch_has_1_to_1000_jobs(api: Api) -> None:
    refused_field(await submit(api), "jobs")
    refused_field(await submit(api, *[custom()] * 1001), "jobs")
    assert (await submit(api, *[custom()] * 1000)).status_code == 202


async def test_the_status_of_a_batch_follows_its_jobs(api: Api) -> None:
    made = data_of(await submit(api, *[custom() for _ in range(4)]))
    batch_id, (first, second, third, fourth) = made["batch_id"], made["job_ids"]
    seen = []
    for job_id, outcome in [
        (first, None),
        (second, Outcome.COMPLETED),
        (third, Outcome.FAILED),
        (fourth, Outcome.CANCELLED),
    ]:
        await run(api, job_id, outcome)
        seen.append((await shown(api, batch_id))["status"])
    assert seen == ["processing"] * 4
    job = api.jobs.jobs[first]
    await api.jobs.settle(job, first, Settlement(Outcome.COMPLETED, api.clock.now(), 9))
    done = await shown(api, batch_id)
    assert done["status"] == "failed"
    assert done["counts"] == {
        "pending": 0,
        "processing": 0,
        "completed": 2,
        "failed": 1,
        "cancelled": 1,
        "total": 4,
    }


async def test_cancelling_a_batch_cancels_its_jobs_that_have_not_ended(api: Api) -> None:
    made = data_of(await submit(api, *[custom() for _ in range(3)]))
    await run(api, made["job_ids"][0])
    await run(api, made["job_ids"][1], Outcome.COMPLETED)
    answer = await api.request("POST", f"/api/jobs/batch/{made['batch_id']}/cancel")
    assert answer.status_code == 202
    assert data_of(answer)["counts"]["cancelled"] == 1
    jobs = [api.jobs.jobs[job_id] for job_id in made["job_ids"]]
    assert [(job.status.value, job.cancel_requested) for job in jobs] == [
        ("processing", True),
        ("completed", False),
        ("cancelled", False),
    ]


async def test_cancelling_a_batch_cancels_a_job_that_its_worker_hands_back_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = data_of(await submit(api, custom()))
    await run(api, made["job_ids"][0])
    get = api.jobs.get

    async def handed_back(job_id: str) -> Job | None:
        api.jobs.put(api.jobs.jobs[job_id], status=JobStatus.PENDING, lease=None)
        return await get(job_id)

    monkeypatch.setattr(api.jobs, "get", handed_back)
    answer = await api.request("POST", f"/api/jobs/batch/{made['batch_id']}/cancel")
    assert data_of(answer)["status"] == "cancelled"


async def test_retrying_a_batch_retries_its_failed_jobs(api: Api) -> None:
    made = data_of(await submit(api, *[custom() for _ in range(3)]))
    for job_id, outcome in zip(
        made["job_ids"], [Outcome.FAILED, Outcome.COMPLETED, Outcome.CANCELLED], strict=True
    ):
        await run(api, job_id, outcome)
    answer = await api.request("POST", f"/api/jobs/batch/{made['batch_id']}/retry-failed")
    assert answer.status_code == 202
    assert data_of(answer)["status"] == "processing"
    jobs = [api.jobs.jobs[job_id] for job_id in made["job_ids"]]
    assert [(job.status.value, job.run) for job in jobs] == [
        ("pending", 2),
        ("completed", 1),
        ("cancelled", 1),
    ]


async def test_every_job_of_a_large_batch_is_cancelled(api: Api) -> None:
    made = data_of(await submit(api, *[custom() for _ in range(700)]))
    answer = await api.request("POST", f"/api/jobs/batch/{made['batch_id']}/cancel")
    assert data_of(answer)["status"] == "cancelled"


async def test_a_batch_of_another_key_does_not_exist(api: Api) -> None:
    made = data_of(await submit(api, custom()))
    other = await api.new_key()
    path = f"/api/jobs/batch/{made['batch_id']}"
    error_of(await api.get(path, key=other), 404, "NOT_FOUND")
    for what in ("cancel", "retry-failed"):
        error_of(await api.request("POST", f"{path}/{what}", key=other), 404, "NOT_FOUND")
    error_of(await api.get("/api/jobs/batch/batch-nope"), 404, "NOT_FOUND")


async def test_statistics_count_only_the_jobs_of_the_key(api: Api) -> None:
    other = await api.new_key()
    await submit(api, custom(), custom(delay_sec=60))
    await api.submit(key=other)
    api.clock.advance(7)
    everything = data_of(await api.get("/api/stats"))["types"]
    assert everything["custom"] == {
        "waiting": 2,
        "scheduled": 1,
        "running": 0,
        "oldest_wait_sec": 7.0,
    }
    assert everything["pdf"]["waiting"] == 0
    mine = data_of(await api.get("/api/stats", key=other))["types"]
    assert (mine["custom"]["waiting"], mine["custom"]["scheduled"]) == (1, 0)
