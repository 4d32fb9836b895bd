"""The scopes of keys, their last use, and the audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.api_harness import Api, data_of, error_of

from secretary_common.models import JobProgress, Lease

PROBES = {
    "read": ("GET", "/api/jobs/"),
    "submit": ("POST", "/api/jobs/"),
    "deliveries": ("POST", "/api/deliveries/recover"),
}
BODIES: dict[str, Any] = {
    "read": None,
    "submit": {"job_type": "custom"},
    "deliveries": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
}


@pytest.mark.parametrize("scope", PROBES)
@pytest.mark.parametrize("given", [["read"], ["submit"], ["deliveries"], ["submit", "read"], []])
async def test_a_key_does_what_its_scopes_name_and_without_any_everything_of_its_own(
    api: Api, given: list[str], scope: str
) -> None:
    key = await api.new_key(scopes=given)
    method, path = PROBES[scope]
    answer = await api.request(method, path, key=key, json=BODIES[scope])
    if not given or scope in given:
        assert answer.is_success, answer.text
    else:
        assert scope in error_of(answer, 403, "FORBIDDEN")["message"]


@pytest.mark.parametrize(
    ("given", "status"), [(["submit"], 200), (["read"], 200), (["deliveries"], 403)]
)
async def test_a_key_that_submits_reads_the_job_types(
    api: Api, given: list[str], status: int
) -> None:
    key = await api.new_key(scopes=given)
    assert (await api.get("/api/job-types", key=key)).status_code == status
    if given == ["submit"]:
        assert (await api.get("/api/templates", key=key)).status_code == 403


async def test_a_key_that_may_not_read_gets_no_results_by_waiting(api: Api) -> None:
    key = await api.new_key(scopes=["submit"])
    body = {"job_type": "custom"}
    answer = await api.request("POST", "/api/jobs/?wait=1", key=key, json=body)
    assert "read" in error_of(answer, 403, "FORBIDDEN")["message"]
    assert api.jobs.jobs == {}
    answer = await api.request("POST", "/api/jobs/?wait=0", key=key, json=body)
    assert answer.status_code == 202


@pytest.mark.parametrize(("scopes", "shown"), [(["submit"], None), (["submit", "read"], 40)])
async def test_a_key_that_may_not_read_sees_no_progress_by_cancelling(
    api: Api, scopes: list[str], shown: int | None
) -> None:
    key = await api.new_key(scopes=scopes)
    job_id = data_of(await api.submit(key=key))["job_id"]
    now = api.clock.now()
    lease = Lease(owner="w", token="t", expires_at=now + timedelta(seconds=30))
    running = await api.jobs.claim(job_id, lease, now, {"custom"})
    assert running is not None
    api.jobs.put(running, progress=JobProgress(step="reading", percent=40))
    answer = await api.request("POST", f"/api/jobs/{job_id}/cancel", key=key)
    progress = data_of(answer)["job"]["progress"]
    assert (progress and progress["percent"]) == shown


async def test_the_scope_metrics_alone_takes_nothing_away(api: Api) -> None:
    key = await api.new_key(scopes=["metrics"])
    assert (await api.get("/api/jobs/", key=key)).is_success
    reader = await api.new_key(scopes=["metrics", "read"])
    error_of(await api.submit(key=reader), 403, "FORBIDDEN")
    assert (await api.get("/metrics", key=reader)).is_success


async def test_a_key_shows_its_last_use_to_the_minute(api: Api) -> None:
    key = await api.new_key()
    shown = data_of(await api.get("/api/keys"))["keys"]
    assert [one["last_used_at"] for one in shown] == [None]
    await api.get("/api/jobs/", key=key)
    api.clock.advance(30)
    await api.get("/api/jobs/", key=key)
    [used] = data_of(await api.get("/api/keys"))["keys"]
    assert used["last_used_at"] == "2026-01-01T00:00:00.000Z"
    api.clock.advance(31)
    await api.get("/api/jobs/", key=key)
    [used] = data_of(await api.get("/api/keys"))["keys"]
    assert used["last_used_at"] == "2026-01-01T00:01:01.000Z"


async def actions(api: Api, **options: Any) -> list[tuple[str, str | None]]:
    found = data_of(await api.get("/api/audit", **options))["entries"]
    return [(one["action"], one["target"]) for one in found]


async def test_the_audit_names_what_keys_changed_newest_first(api: Api) -> None:
    key = await api.new_key("wiki")
    key_id = key.split("_")[1]
    job_id = data_of(await api.submit(key=key))["job_id"]
    await api.request("POST", f"/api/jobs/{job_id}/cancel", key=key)
    await api.request("POST", "/api/job-types/custom/pause")
    await api.request("DELETE", f"/api/keys/{key_id}")
    assert await actions(api) == [
        ("key.delete", key_id),
        ("job_type.pause", "custom"),
        ("job.cancel", job_id),
        ("key.create", key_id),
    ]


async def test_a_key_sees_only_its_own_changes(api: Api) -> None:
    key, other = await api.new_key(), await api.new_key()
    for one in (key, other):
        job_id = data_of(await api.submit(key=one))["job_id"]
        await api.request("DELETE", f"/api/jobs/{job_id}", key=one)
    assert [action for action, _ in await actions(api, key=key)] == ["job.delete"]


async def test_every_page_of_the_audit_can_be_read(api: Api) -> None:
    for number in range(5):
        await api.new_key(f"key {number}")
    seen, cursor = [], ""
    while True:
        page = data_of(await api.get(f"/api/audit?limit=2{cursor}"))
        seen += [one["details"]["name"] for one in page["entries"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"key {number}" for number in range(4, -1, -1)]


async def test_the_audit_has_no_secret(api: Api) -> None:
    key = await api.new_key()
    assert key.split("_", 2)[2] not in (await api.get("/api/audit")).text


async def test_a_long_filter_makes_no_large_entry_of_the_audit(api: Api) -> None:
    key = await api.new_key()
    body = {"filter": {"tag": "x" * 60_000, "job_type": "custom"}}
    await api.request("POST", "/api/jobs/cancel", key=key, json=body)
    answer = await api.get("/api/audit", key=key)
    [entry] = data_of(answer)["entries"]
    assert len(answer.content) < 20_000
    assert entry["details"]["done"] == 0
    assert entry["details"]["filter"].keys() == {"tag", "job_type"}
    assert "xxx" in entry["details"]["filter"]["tag"]
