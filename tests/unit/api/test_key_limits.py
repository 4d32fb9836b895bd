"""The limits of an API key: each is off by default, and each has its answer and its figure."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from support.api_harness import FILE, ROOT, Api, data_of, error_of, refused_field

NO_LIMITS = {
    "max_running": None,
    "max_pending": None,
    "max_bytes": None,
    "requests_per_sec": None,
    "max_priority": None,
    "models": None,
    "file_roots": None,
    "s3_places": None,
}
SLOWLY = 0.001  # one request in 1,000 s, so the test does not depend on the time it takes


async def limited(api: Api, **limits: Any) -> str:
    return await api.new_key(limits=limits)


async def shown(api: Api, key: str) -> dict[str, Any]:
    keys = data_of(await api.get("/api/keys"))["keys"]
    return next(one for one in keys if key.startswith(f"sk_{one['key_id']}_"))


async def change(api: Api, key: str, limits: dict[str, Any]) -> httpx.Response:
    key_id = key.split("_")[1]
    return await api.request("PATCH", f"/api/keys/{key_id}", json={"limits": limits})


async def upload(api: Api, key: str, size: int) -> httpx.Response:
    files = {"file": ("a.bin", b"x" * size)}
    return await api.request("POST", "/api/files", key=key, files=files)


def rate_limited(answer: httpx.Response, limit: str) -> dict[str, Any]:
    """Return the details of the refusal, after checking its status, code and header."""
    error = error_of(answer, 429, "RATE_LIMITED")
    assert int(answer.headers["retry-after"]) >= 1
    assert error["details"]["limit"] == limit
    details: dict[str, Any] = error["details"]
    return details


async def test_a_key_has_no_limits_by_default(api: Api) -> None:
    key = await api.new_key()
    view = await shown(api, key)
    assert view["limits"] == NO_LIMITS
    assert view["used"] == {"running": 0, "pending": 0, "bytes": 0}


async def test_a_change_replaces_only_the_limits_that_it_names(api: Api) -> None:
    key = await limited(api, max_running=2, max_priority=5, models=["small"])
    changed = data_of(await change(api, key, {"max_running": 3, "max_priority": None}))
    wanted = {**NO_LIMITS, "max_running": 3, "models": ["small"]}
    assert changed["limits"] == wanted
    assert (await shown(api, key))["limits"] == wanted
    assert "digest" not in changed


async def test_the_limits_of_an_unknown_key_cannot_be_changed(api: Api) -> None:
    error_of(await change(api, "sk_unknown_x", {"max_running": 3}), 404, "NOT_FOUND")


async def test_only_admins_change_limits(api: Api) -> None:
    key = await limited(api, max_pending=1)
    path = f"/api/keys/{key.split('_')[1]}"
    answer = await api.request("PATCH", path, key=key, json={"limits": {"max_pending": None}})
    error_of(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"max_running": 0}, "limits.max_running"),
        ({"max_pending": "9"}, "limits.max_pending"),
        ({"max_bytes": 0.5}, "limits.max_bytes"),
        ({"requests_per_sec": 0}, "limits.requests_per_sec"),
        ({"requests_per_sec": True}, "limits.requests_per_sec"),
        ({"max_priority": 10}, "limits.max_priority"),
        ({"models": [""]}, "limits.models.0"),
        ({"file_roots": ["files"]}, "limits.file_roots.0"),
        ({"file_roots": [f"{ROOT}/a/../b"]}, "limits.file_roots.0"),
        ({"file_roots": [f"{ROOT}/a", "/etc"]}, "limits.file_roots.1"),
        ({"max_everything": 1}, "limits.max_everything"),
    ],
)
async def test_a_bad_limit_is_named(api: Api, limits: dict[str, Any], field: str) -> None:
    refused_field(
        await api.request("POST", "/api/keys", json={"name": "x", "limits": limits}), field
    )
    refused_field(await change(api, await api.new_key(), limits), field)


async def test_a_key_has_at_most_max_pending_waiting_jobs(api: Api) -> None:
    key = await limited(api, max_pending=2)
    assert (await api.submit(key=key)).status_code == 202
    assert (await api.submit(key=key, delay_sec=60)).status_code == 202
    details = rate_limited(await api.submit(key=key), "max_pending")
    assert (details["most"], details["used"]) == (2, 2)
    assert (await shown(api, key))["used"]["pending"] == 2
    assert (await api.submit(key=await api.new_key())).status_code == 202


async def test_concurrent_submissions_do_not_exceed_max_pending(api: Api) -> None:
    key = await limited(api, max_pending=3)
    await asyncio.gather(*(api.submit(key=key) for _ in range(20)))
    assert (await shown(api, key))["used"]["pending"] <= 3


async def test_a_batch_that_exceeds_max_pending_stores_no_job(api: Api) -> None:
    key = await limited(api, max_pending=2)
    body = {"jobs": [{"job_type": "custom", "parameters": {}}] * 3}
    rate_limited(await api.request("POST", "/api/jobs/batch", key=key, json=body), "max_pending")
    assert api.jobs.jobs == {}
    body["jobs"].pop()
    answer = await api.request("POST", "/api/jobs/batch", key=key, json=body)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/jobs/", {"job_type": "custom", "parameters": {}}),
        ("/api/jobs/batch", {"jobs": [{"job_type": "custom", "parameters": {}}]}),
    ],
)
async def test_a_repeat_is_answered_although_its_key_is_full(
    api: Api, path: str, body: dict[str, Any]
) -> None:
    key, headers = await limited(api, max_pending=1), {"Idempotency-Key": "one"}
    first = await api.request("POST", path, key=key, json=body, headers=headers)
    again = await api.request("POST", path, key=key, json=body, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]


async def test_the_uploads_of_a_key_have_at_most_max_bytes(api: Api) -> None:
    key = await limited(api, max_bytes=1000)
    assert (await upload(api, key, 600)).status_code == 201
    rate_limited(await upload(api, key, 600), "max_bytes")
    assert (await shown(api, key))["used"]["bytes"] == 600
    assert (await upload(api, key, 400)).status_code == 201
    rate_limited(await upload(api, key, 1), "max_bytes")
    assert len(api.files.whole) == 2


async def test_uploads_at_the_same_time_share_max_bytes(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await limited(api, max_bytes=1000)
    all_there, save = asyncio.Barrier(3), api.files.save

    async def save_together(*args: Any, **options: Any) -> Any:
        await all_there.wait()
        return await save(*args, **options)

    monkeypatch.setattr(api.files, "save", save_together)
    answers = await asyncio.gather(*(upload(api, key, 400) for _ in range(3)))
    stored = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in stored:
            rate_limited(answer, "max_bytes")
    assert (await shown(api, key))["used"]["bytes"] == 400 * len(stored) <= 1000


async def test_a_key_makes_at_most_its_requests_a_second(api: Api) -> None:
    key = await limited(api, requests_per_sec=SLOWLY)
    assert (await api.get("/api/jobs/", key=key)).status_code == 200
    answer = await api.get("/api/jobs/", key=key)
    assert rate_limited(answer, "requests_per_sec")["most"] == SLOWLY
    assert 900 < int(answer.headers["retry-after"]) <= 1000
    assert (await api.get("/api/jobs/", key=await api.new_key())).status_code == 200


async def test_each_answer_to_a_key_with_a_rate_says_how_many_requests_are_left(api: Api) -> None:
    key = await limited(api, requests_per_sec=2000)
    first = await api.get("/api/jobs/", key=key)
    second = await api.submit(key=key)
    unknown = await api.get("/api/jobs/job-1", key=key)
    assert [one.status_code for one in (first, second, unknown)] == [200, 202, 404]
    left = [one.headers["ratelimit"] for one in (first, second, unknown)]
    assert left[0] == '"requests";r=1999;t=1'
    assert {one.headers["ratelimit-policy"] for one in (first, second, unknown)} == {
        '"requests";q=2000;w=1'
    }
    assert all(re.fullmatch(r'"requests";r=199\d;t=1', one) for one in left)
    assert "ratelimit" not in (await api.get("/api/jobs/", key=await api.new_key())).headers


async def test_the_refusal_of_a_rate_says_when_the_next_request_is_allowed(api: Api) -> None:
    key = await limited(api, requests_per_sec=SLOWLY)
    await api.get("/api/jobs/", key=key)
    refused = await api.get("/api/jobs/", key=key)
    assert refused.headers["ratelimit-policy"] == f'"requests";q=1;w={round(1 / SLOWLY)}'
    wait = refused.headers["retry-after"]
    assert refused.headers["ratelimit"] == f'"requests";r=0;t={wait}'


async def test_a_priority_above_the_limit_is_refused(api: Api) -> None:
    key = await limited(api, max_priority=6)
    message = refused_field(await api.submit(key=key, priority=7), "priority")
    assert message == "must be at most 6 for this API key"
    assert data_of(await api.submit(key=key, priority=6))["job"]["priority"] == 6
    assert data_of(await api.submit(key=key))["job"]["priority"] == 5


async def test_the_default_priority_is_lowered_to_the_limit(api: Api) -> None:
    key = await limited(api, max_priority=2)
    assert data_of(await api.submit(key=key))["job"]["priority"] == 2


async def test_a_job_names_only_models_that_its_key_allows(api: Api) -> None:
    key = await limited(api, models=["small"])
    message = refused_field(
        await api.submit_pdf(key=key, filename=FILE, model="large"), "parameters.model"
    )
    assert message == "is not a model that this API key allows; allowed are: small"
    for parameters in ({"model": "small"}, {}):
        assert (await api.submit_pdf(key=key, filename=FILE, **parameters)).status_code == 202
    assert (await api.submit_pdf(filename=FILE, model="large")).status_code == 202


async def test_no_job_names_a_model_that_the_configuration_does_not_allow() -> None:
    api = Api(models=["small", "medium"])
    async with api.client:
        for key in (await api.new_key(), await limited(api, models=["small", "large"])):
            message = refused_field(
                await api.submit_pdf(key=key, filename=FILE, model="large"), "parameters.model"
            )
            assert message == "is not a model that llm.models allows; allowed are: small, medium"
            answer = await api.submit_pdf(key=key, filename=FILE, model="small")
            assert answer.status_code == 202


async def test_jobs_of_a_key_name_only_files_in_its_folders(api: Api) -> None:
    folder = f"{ROOT}/mine"
    key = await limited(api, file_roots=[folder])
    assert (await shown(api, key))["limits"]["file_roots"] == [folder]
    for outside in (FILE, f"{folder}/../a.pdf", "../a.pdf", f"{folder}x/a.pdf"):
        refused_field(
            await api.submit_pdf(key=key, filename=outside),
            "parameters.filename",
            "FILE_OUTSIDE_ROOTS",
        )
    for inside in (f"{folder}/a.pdf", "a.pdf"):
        job_id = data_of(await api.submit_pdf(key=key, filename=inside))["job_id"]
        assert api.jobs.jobs[job_id].file_roots == [folder]
    assert (await api.submit_pdf(filename=FILE)).status_code == 202


async def test_jobs_of_a_key_without_folders_name_no_file(api: Api) -> None:
    key = await limited(api, file_roots=[])
    answer = await api.submit_pdf(key=key, filename=FILE)
    refused_field(answer, "parameters.filename", "FILE_OUTSIDE_ROOTS")


async def test_a_key_without_limits_costs_no_further_reads(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    key = await api.new_key()
    for name in ("pending_of", "pending_by_owner", "running_by_owner"):
        monkeypatch.setattr(api.jobs, name, refuse)
    monkeypatch.setattr(api.files, "upload_bytes", refuse)
    assert (await api.submit(key=key)).status_code == 202
    assert (await upload(api, key, 10)).status_code == 201
