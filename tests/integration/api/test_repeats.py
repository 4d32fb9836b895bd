"""Repeats and batches in a real MongoDB, under concurrency."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from support.api_harness import data_of, error_of, refused_field

Client = httpx.AsyncClient


async def submit(client: Client, key: str, **parameters: Any) -> httpx.Response:
    body = {"job_type": "custom", "parameters": parameters}
    return await client.post("/api/jobs/", json=body, headers={"Idempotency-Key": key})


async def submit_batch(client: Client, jobs: list[Any], key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/api/jobs/batch", json={"jobs": jobs}, headers=headers)


async def listed(client: Client) -> list[Any]:
    jobs: list[Any] = data_of(await client.get("/api/jobs/?limit=250"))["jobs"]
    return jobs


async def test_fifty_equal_concurrent_requests_make_one_job(client: Client) -> None:
    answers = await asyncio.gather(*(submit(client, "k-1", a=1) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({data_of(answer)["job_id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(await listed(client)) == 1
    error_of(await submit(client, "k-1", a=2), 422, "IDEMPOTENCY_KEY_REUSED")


async def test_repeats_while_their_job_is_deleted_make_no_second_job(client: Client) -> None:
    job_id = data_of(await submit(client, "k-1", a=1))["job_id"]
    answers = await asyncio.gather(
        *(submit(client, "k-1", a=1) for _ in range(10)),
        client.delete(f"/api/jobs/{job_id}"),
        *(submit(client, "k-1", a=1) for _ in range(10)),
    )
    assert {data_of(answer)["job_id"] for answer in answers} == {job_id}
    assert await listed(client) == []
    again = await submit(client, "k-1", a=1)
    assert data_of(again)["job"]["deleted_at"] is not None


async def test_twenty_equal_concurrent_batches_make_one(client: Client) -> None:
    jobs = [{"job_type": "custom", "parameters": {"n": n}} for n in range(5)]
    answers = await asyncio.gather(*(submit_batch(client, jobs, "k-1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({data_of(answer)["batch_id"] for answer in answers}) == 1
    assert len(await listed(client)) == 5


async def test_a_thousand_jobs_are_stored_and_counted(client: Client) -> None:
    made = data_of(await submit_batch(client, [{"job_type": "custom"}] * 1000))
    counts = data_of(await client.get(f"/api/jobs/batch/{made['batch_id']}"))["counts"]
    assert (counts["pending"], counts["total"]) == (1000, 1000)
    cancelled = await client.post(f"/api/jobs/batch/{made['batch_id']}/cancel")
    assert data_of(cancelled)["counts"]["cancelled"] == 1000


async def test_a_thousand_jobs_with_a_bad_one_store_none(client: Client) -> None:
    jobs: list[Any] = [{"job_type": "custom"} for _ in range(1000)]
    jobs[999] = {"job_type": "custom", "priority": 10}
    refused_field(await submit_batch(client, jobs), "jobs.999.priority")
    assert await listed(client) == []


async def test_a_batch_with_a_job_that_is_too_large_stores_none(client: Client) -> None:
    jobs: list[Any] = [{"job_type": "custom"} for _ in range(3)]
    # 1.5 million small numbers: 3 MB of JSON, over 16 MB of BSON.
    jobs[1] = {"job_type": "custom", "parameters": {"numbers": [1] * 1_500_000}}
    error_of(await submit_batch(client, jobs), 422, "NOT_STORABLE")
    assert await listed(client) == []
    assert (await submit_batch(client, jobs[:1])).status_code == 202


async def test_each_run_has_one_end_under_concurrent_cancels_and_retries(client: Client) -> None:
    job_id = data_of(await submit(client, "k-1"))["job_id"]
    for run in range(1, 4):
        path = f"/api/jobs/{job_id}"
        cancels = await asyncio.gather(*(client.post(f"{path}/cancel") for _ in range(5)))
        assert sorted(answer.status_code for answer in cancels) == [202, 409, 409, 409, 409]
        retries = await asyncio.gather(*(client.post(f"{path}/retry") for _ in range(5)))
        assert sorted(answer.status_code for answer in retries) == [202, 409, 409, 409, 409]
        assert data_of(await client.get(path))["run"] == run + 1
