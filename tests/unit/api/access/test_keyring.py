"""Authentication, and the jobs that a key may see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.api_harness import ADMIN_KEY, METRICS_TOKEN, Api, data_of, error_of, refused_field

from secretary_api.access.keyring import CACHE_SEC, FRESH_SEC
from secretary_api.jobs.stream import POLL_SEC
from secretary_common.models import BOOTSTRAP_ID

WITH_KEY = [
    ("GET", "/api/jobs/"),
    ("POST", "/api/jobs/"),
    ("GET", "/api/jobs/job-1"),
    ("GET", "/api/jobs/job-1/logs"),
    ("GET", "/api/jobs/job-1/results"),
    ("GET", "/api/jobs/job-1/deliveries"),
    ("GET", "/api/job-types"),
    ("GET", "/api/keys"),
    ("POST", "/api/keys"),
    ("DELETE", "/api/keys/x"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), WITH_KEY)
async def test_a_request_without_a_key_is_refused(api: Api, method: str, path: str) -> None:
    answer = await api.request(method, path, key=None)
    error_of(answer, 401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {ADMIN_KEY}",
        ADMIN_KEY,
        f"Bearer {ADMIN_KEY}x",
        "Bearer sk_",
        "Bearer sk_a_b",
        "Bearer sk__",
        "Bearer \xff\xfe",
    ],
)
async def test_a_wrong_key_is_refused(api: Api, header: str) -> None:
    headers = {"Authorization": header.encode("latin-1")}
    answer = await api.get("/api/jobs/", key=None, headers=headers)
    error_of(answer, 401, "UNAUTHORIZED")


async def test_a_body_without_a_key_is_not_checked(api: Api) -> None:
    answer = await api.request("POST", "/api/jobs/", key=None, content=b"{")
    error_of(answer, 401, "UNAUTHORIZED")


async def test_a_key_sees_only_its_own_jobs(api: Api) -> None:
    one, other = await api.new_key("one"), await api.new_key("other")
    job_id = data_of(await api.submit(key=one))["job_id"]

    assert data_of(await api.get(f"/api/jobs/{job_id}", key=one))["job_id"] == job_id
    for path in ("", "/logs", "/results", "/deliveries"):
        foreign = await api.get(f"/api/jobs/{job_id}{path}", key=other)
        unknown = await api.get(f"/api/jobs/job-nope{path}", key=other)
        error_of(foreign, 404, "NOT_FOUND")
        assert foreign.text.replace(job_id, "job-nope") == unknown.text
    assert len(data_of(await api.get("/api/jobs/", key=one))["jobs"]) == 1
    assert data_of(await api.get("/api/jobs/", key=other))["jobs"] == []


async def test_an_admin_sees_the_jobs_of_every_key(api: Api) -> None:
    job_id = data_of(await api.submit(key=await api.new_key()))["job_id"]
    admin = await api.new_key("admin", scopes=["admin"])
    for key in (ADMIN_KEY, admin):
        assert (await api.get(f"/api/jobs/{job_id}", key=key)).status_code == 200
        assert len(data_of(await api.get("/api/jobs/", key=key))["jobs"]) == 1


async def test_only_admins_manage_keys(api: Api) -> None:
    key = await api.new_key()
    error_of(await api.get("/api/keys", key=key), 403, "FORBIDDEN")
    error_of(await api.request("POST", "/api/keys", key=key, json={}), 403, "FORBIDDEN")
    error_of(await api.request("DELETE", "/api/keys/x", key=key), 403, "FORBIDDEN")


async def test_a_key_is_shown_once_and_stored_as_a_digest(api: Api) -> None:
    key = await api.new_key("the wiki")
    listed = await api.get("/api/keys")
    (shown,) = data_of(listed)["keys"]
    assert key.startswith(f"sk_{shown['key_id']}_")
    assert shown["name"] == "the wiki"
    secret = key.split("_", 2)[2]
    assert secret not in listed.text
    assert "digest" not in listed.text
    assert secret not in repr(api.keys.keys)


async def test_a_secret_may_contain_underscores(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: "_a__b_-c_")
    key = await api.new_key()
    assert (await api.get("/api/jobs/", key=key)).status_code == 200


async def test_the_right_id_with_a_wrong_secret_is_refused(api: Api) -> None:
    key = await api.new_key()
    error_of(await api.get("/api/jobs/", key=f"{key[:-1]}!"), 401, "UNAUTHORIZED")


async def test_an_expired_key_is_refused(api: Api) -> None:
    key = await api.new_key(expires_at="2026-01-01T00:01:00Z")
    assert (await api.get("/api/jobs/", key=key)).status_code == 200
    api.clock.advance(60)
    error_of(await api.get("/api/jobs/", key=key), 401, "UNAUTHORIZED")


async def test_a_deleted_key_is_refused_at_once(api: Api) -> None:
    key = await api.new_key()
    assert (await api.get("/api/jobs/", key=key)).status_code == 200
    key_id = key.split("_")[1]
    assert data_of(await api.request("DELETE", f"/api/keys/{key_id}")) == {"key_id": key_id}
    error_of(await api.get("/api/jobs/", key=key), 401, "UNAUTHORIZED")
    error_of(await api.request("DELETE", f"/api/keys/{key_id}"), 404, "NOT_FOUND")


async def test_a_key_that_another_process_deleted_is_refused_within_five_seconds(api: Api) -> None:
    key = await api.new_key()
    assert (await api.get("/api/jobs/", key=key)).status_code == 200
    api.keys.keys.clear()
    api.clock.advance(5.001)
    error_of(await api.get("/api/jobs/", key=key), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "scopes": ["root"]}, "scopes.0"),
        ({"name": "x", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "key": "mine"}, "key"),
    ],
)
async def test_a_bad_key_request_names_the_field(
    api: Api, body: dict[str, object], field: str
) -> None:
    refused_field(await api.request("POST", "/api/keys", json=body), field)


async def test_a_stream_learns_in_time_that_another_process_deleted_its_key(api: Api) -> None:
    keyring = api.app.state.services.keyring
    key_id = (await api.new_key()).split("_")[1]
    assert await keyring.is_valid(key_id)
    await api.keys.delete(key_id)
    api.clock.advance(FRESH_SEC + POLL_SEC)
    assert not await keyring.is_valid(key_id)
    assert FRESH_SEC + POLL_SEC < CACHE_SEC


async def test_a_key_is_valid_until_it_expires(api: Api) -> None:
    keyring = api.app.state.services.keyring
    ends_at = (api.clock.now() + timedelta(seconds=60)).isoformat()
    key_id = (await api.new_key(expires_at=ends_at)).split("_")[1]
    assert await keyring.is_valid(key_id)
    assert await keyring.is_valid(BOOTSTRAP_ID)
    api.clock.advance(60)
    assert not await keyring.is_valid(key_id)
    assert not await keyring.is_valid("unknown")


async def test_only_a_key_with_the_scope_metrics_reads_the_metrics(api: Api) -> None:
    error_of(await api.get("/metrics", key=await api.new_key()), 403, "FORBIDDEN")
    for scopes in (["metrics"], ["admin"], ["submit", "metrics"]):
        key = await api.new_key(scopes=scopes)
        assert "python_info" in (await api.get("/metrics", key=key)).text


async def test_the_scope_metrics_gives_no_other_right(api: Api) -> None:
    job_id = data_of(await api.submit())["job_id"]
    key = await api.new_key(scopes=["metrics"])
    error_of(await api.get(f"/api/jobs/{job_id}", key=key), 404, "NOT_FOUND")
    error_of(await api.get("/api/keys", key=key), 403, "FORBIDDEN")


async def test_the_token_of_the_metrics_opens_nothing_else(api: Api) -> None:
    assert "python_info" in (await api.get("/metrics", key=METRICS_TOKEN)).text
    error_of(await api.get("/metrics", key=f"{METRICS_TOKEN}x"), 401, "UNAUTHORIZED")
    for path in ("/api/jobs/", "/api/keys", "/api/stats"):
        error_of(await api.get(path, key=METRICS_TOKEN), 401, "UNAUTHORIZED")


async def test_the_token_opens_the_metrics_while_the_store_does_not_answer(api: Api) -> None:
    api.store_answers = False
    assert (await api.get("/metrics", key=METRICS_TOKEN)).status_code == 200
