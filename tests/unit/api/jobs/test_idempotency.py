"""``Idempotency-Key``: a repeat creates no second job."""

import asyncio
from typing import Any

import httpx
import pytest
from support.api_harness import ADMIN_KEY, Api, data_of, error_of, refused_field

from secretary_common.models import Job


async def submit(api: Api, key: str, *, api_key: str = ADMIN_KEY, **body: Any) -> httpx.Response:
    return await api.request(
        "POST",
        "/api/jobs/",
        key=api_key,
        json={"job_type": "custom", **body},
        headers={"Idempotency-Key": key},
    )


async def test_a_repeat_gives_the_same_job_and_says_so(api: Api) -> None:
    first = await submit(api, "k-1", parameters={"a": 1, "b": 2})
    again = await submit(api, "k-1", parameters={"b": 2, "a": 1})
    assert (first.status_code, again.status_code) == (202, 202)
    assert data_of(first)["job_id"] == data_of(again)["job_id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len(api.jobs.jobs) == len(api.doorbell.jobs) == 1


async def test_a_repeat_shows_the_job_as_it_is_now(api: Api) -> None:
    job_id = data_of(await submit(api, "k-1"))["job_id"]
    await api.request("POST", f"/api/jobs/{job_id}/cancel")
    assert data_of(await submit(api, "k-1"))["job"]["status"] == "cancelled"


async def test_another_body_under_the_key_is_refused(api: Api) -> None:
    await submit(api, "k-1", parameters={"a": 1})
    error_of(await submit(api, "k-1", parameters={"a": 2}), 422, "IDEMPOTENCY_KEY_REUSED")
    assert len(api.jobs.jobs) == 1


async def test_the_same_key_of_another_owner_makes_another_job(api: Api) -> None:
    other = await api.new_key()
    first = data_of(await submit(api, "k-1", parameters={"a": 1}))
    second = data_of(await submit(api, "k-1", api_key=other, parameters={"a": 2}))
    assert first["job_id"] != second["job_id"]


async def test_a_key_counts_for_48_hours(api: Api) -> None:
    first = data_of(await submit(api, "k-1"))["job_id"]
    api.clock.advance(48 * 3600 - 1)
    assert data_of(await submit(api, "k-1"))["job_id"] == first
    api.clock.advance(1)
    second = await submit(api, "k-1", parameters={"other": "body"})
    assert data_of(second)["job_id"] != first
    assert "idempotent-replayed" not in second.headers
    assert api.jobs.jobs[first].idempotency is None


async def test_many_submissions_after_the_48_hours_make_one_job(api: Api) -> None:
    await submit(api, "k-1")
    api.clock.advance(49 * 3600)
    answers = await asyncio.gather(*(submit(api, "k-1") for _ in range(10)))
    assert len({data_of(answer)["job_id"] for answer in answers}) == 1
    assert len(api.jobs.jobs) == 2


async def test_a_refused_submission_does_not_use_up_the_key(api: Api) -> None:
    refused = await submit(api, "k-1", priority=99)
    assert refused.status_code == 422
    assert (await submit(api, "k-1", priority=9)).status_code == 202


async def test_a_repeat_after_the_deletion_names_the_deleted_job_without_its_content(
    api: Api,
) -> None:
    first = await submit(api, "k-1", parameters={"a": 1}, job_name="mine", tags=["t"])
    job_id = data_of(first)["job_id"]
    await api.request("DELETE", f"/api/jobs/{job_id}")
    again = await submit(api, "k-1", parameters={"a": 1}, job_name="mine", tags=["t"])
    assert again.status_code == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    shown = data_of(again)["job"]
    assert (data_of(again)["job_id"], shown["job_id"]) == (job_id, job_id)
    assert shown["status"] == "cancelled"
    assert shown["deleted_at"] is not None
    assert (shown["parameters"], shown["job_name"], shown["tags"]) == ({}, None, [])
    assert len(api.jobs.jobs) == len(api.doorbell.jobs) == 1
    error_of(await api.get(f"/api/jobs/{job_id}"), 404, "NOT_FOUND")


async def test_another_body_under_the_key_of_a_deleted_job_is_refused(api: Api) -> None:
    job_id = data_of(await submit(api, "k-1", parameters={"a": 1}))["job_id"]
    await api.request("DELETE", f"/api/jobs/{job_id}")
    error_of(await submit(api, "k-1", parameters={"a": 2}), 422, "IDEMPOTENCY_KEY_REUSED")


async def test_the_key_of_a_deleted_job_is_free_after_48_hours(api: Api) -> None:
    job_id = data_of(await submit(api, "k-1"))["job_id"]
    await api.request("DELETE", f"/api/jobs/{job_id}")
    api.clock.advance(48 * 3600)
    again = await submit(api, "k-1")
    assert data_of(again)["job_id"] != job_id
    assert data_of(again)["job"]["deleted_at"] is None


@pytest.mark.parametrize("path", ["/api/jobs/", "/api/jobs/batch"])
async def test_a_repeat_is_answered_although_its_upload_is_removed(api: Api, path: str) -> None:
    uploaded = await api.request("POST", "/api/files", files={"file": ("a.pdf", b"%PDF")})
    file_id = data_of(uploaded)["file_id"]
    job = {"job_type": "pdf", "parameters": {"file_id": file_id}}
    body = job if path == "/api/jobs/" else {"jobs": [job]}
    headers = {"Idempotency-Key": "k-1"}
    first = await api.request("POST", path, json=body, headers=headers)
    await api.files.delete(file_id)
    again = await api.request("POST", path, json=body, headers=headers)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await api.request("POST", path, json=body, headers={"Idempotency-Key": "k-2"})
    error_of(other, 422, "FILE_NOT_FOUND")


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "caf\xe9".encode("latin-1")])
async def test_an_invalid_key_is_refused(api: Api, key: Any) -> None:
    refused_field(await submit(api, key), "Idempotency-Key")


async def test_the_stored_mark_does_not_contain_the_body(api: Api) -> None:
    await submit(api, "k-1", parameters={"password": "hunter2"})
    (job,) = api.jobs.jobs.values()
    assert job.idempotency is not None
    assert len(bytes.fromhex(job.idempotency.body_hmac)) == 32
    shown = (await api.get(f"/api/jobs/{job.job_id}")).text
    assert job.idempotency.body_hmac not in shown


async def test_a_key_of_a_batch_is_separate_from_a_key_of_a_job(api: Api) -> None:
    body = {"jobs": [{"job_type": "custom"}]}
    headers = {"Idempotency-Key": "k-1"}
    first = await api.request("POST", "/api/jobs/batch", json=body, headers=headers)
    again = await api.request("POST", "/api/jobs/batch", json=body, headers=headers)
    assert data_of(first) == data_of(again)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await submit(api, "k-1")).status_code == 202
    assert sum(isinstance(job, Job) for job in api.jobs.jobs.values()) == 2
