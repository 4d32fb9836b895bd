"""Live workers and paused job types, and the keys that may see and change them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from support.api_harness import ADMIN_KEY, Api, data_of, error_of

from secretary_common.models import RunningJob, WorkerReport


async def report(api: Api, worker_id: str, **fields: Any) -> None:
    """Store the report of a worker."""
    now = api.clock.now()
    given: dict[str, Any] = {
        "worker_id": worker_id,
        "host": "host-1",
        "pid": 7,
        "started_at": now,
        "seen_at": now,
        "alive_until": now + timedelta(seconds=30),
        "job_types": ["custom"],
        "slots": 3,
        "running": [],
        "active": True,
        "listening": True,
        "unfit": {},
    }
    await api.workers.report(WorkerReport(**{**given, **fields}))


async def test_live_workers_are_listed(api: Api) -> None:
    await report(api, "w1", running=[RunningJob(job_id="job-1", owner="key-1")])
    await report(api, "w2", alive_until=api.clock.now())
    (worker,) = data_of(await api.get("/api/workers"))["workers"]
    assert worker == {
        "id": "w1",
        "seen_at": "2026-01-01T00:00:00.000Z",
        "started_at": "2026-01-01T00:00:00.000Z",
        "host": "host-1",
        "pid": 7,
        "job_types": ["custom"],
        "slots": 3,
        "busy": 1,
        "running": ["job-1"],
        "active": True,
        "listening": True,
        "unfit": {},
    }


async def test_a_key_sees_only_its_own_running_jobs(api: Api) -> None:
    key = await api.new_key()
    job = data_of(await api.submit(key=key))["job"]
    owner = api.jobs.jobs[job["job_id"]].owner
    mine = RunningJob(job_id=job["job_id"], owner=owner)
    await report(api, "w1", running=[mine, RunningJob(job_id="job-2", owner="another")])
    (worker,) = data_of(await api.get("/api/workers", key=key))["workers"]
    assert (worker["running"], worker["busy"]) == ([job["job_id"]], 2)
    assert (worker["host"], worker["pid"]) == (None, None)


async def test_a_type_shows_how_many_workers_run_it(api: Api) -> None:
    await report(api, "w1")
    await report(api, "w2", job_types=["custom", "pdf"])
    await report(api, "w3", active=False)
    types = data_of(await api.get("/api/job-types"))["job_types"]
    assert {each["job_type"]: each["workers"] for each in types} == {"custom": 2, "pdf": 1}


async def paused(api: Api) -> set[str]:
    types = data_of(await api.get("/api/job-types"))["job_types"]
    return {each["job_type"] for each in types if each["paused"]}


async def test_a_type_is_paused_and_resumed_at_once(api: Api) -> None:
    assert await paused(api) == set()
    answer = data_of(await api.request("POST", "/api/job-types/custom/pause"))
    assert (answer["job_type"], answer["paused"], answer["workers"]) == ("custom", True, 0)
    assert await paused(api) == {"custom"}
    assert (await api.submit()).status_code == 202
    answer = data_of(await api.request("POST", "/api/job-types/custom/resume"))
    assert not answer["paused"]
    assert await paused(api) == set()


async def test_resuming_rings_for_each_worker_and_for_the_next_scheduled_job(api: Api) -> None:
    await report(api, "w1")
    await report(api, "w2")
    ids = [data_of(await api.submit())["job_id"] for _ in range(3)]
    later = data_of(await api.submit(delay_sec=60))["job_id"]
    await api.request("POST", "/api/job-types/custom/pause")
    api.doorbell.jobs.clear()
    await api.request("POST", "/api/job-types/custom/resume")
    assert [job_id for _, job_id in api.doorbell.jobs] == [ids[0], ids[1], later]
    assert api.doorbell.shared == ids[:2]  # each of the two workers looks for all


async def test_only_admins_pause_and_only_known_types(api: Api) -> None:
    key = await api.new_key()
    for move in ("pause", "resume"):
        path = f"/api/job-types/custom/{move}"
        error_of(await api.request("POST", path, key=key), 403, "FORBIDDEN")
        error_of(await api.request("POST", path, key=None), 401, "UNAUTHORIZED")
        unknown = await api.request("POST", f"/api/job-types/unknown/{move}", key=ADMIN_KEY)
        error_of(unknown, 404, "NOT_FOUND")
    assert await paused(api) == set()


async def test_what_a_worker_lacks_is_listed_with_the_message_for_admins_alone(api: Api) -> None:
    await report(api, "w1", unfit={"room": "no room in /tmp"})
    (worker,) = data_of(await api.get("/api/workers"))["workers"]
    assert worker["unfit"] == {"room": "no room in /tmp"}
