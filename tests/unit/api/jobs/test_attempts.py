"""The history of a job's attempts, as clients see it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from support.api_harness import Api, data_of, error_of

from secretary_common.models import JobError, Lease, Outcome, Settlement


async def failed_once(api: Api, key: str) -> str:
    """Submit a job, let a worker fail it, and let a second worker run it; return its id."""
    job_id: str = data_of(await api.submit(key=key))["job_id"]
    now = api.clock.now()
    ends_at = now + timedelta(seconds=30)
    first = Lease(owner="w1", token="t1", expires_at=ends_at, host="h1")
    job = await api.jobs.claim(job_id, first, now, {"custom"})
    assert job is not None
    error = JobError(code="PROCESSING_ERROR", message="ValueError: no", details={"a": "secret"})
    retry = Settlement(Outcome.RETRY, now, 2, error=error, run_at=now)
    await api.jobs.settle(job, "t1", retry)
    second = Lease(owner="w2", token="t2", expires_at=ends_at, host="h2")
    assert await api.jobs.claim(job_id, second, now, {"custom"})
    return job_id


async def attempts_of(api: Api, job_id: str, key: str) -> Any:
    return data_of(await api.get(f"/api/jobs/{job_id}/attempts", key=key))


async def test_each_attempt_shows_its_worker_its_outcome_and_its_error(api: Api) -> None:
    key = await api.new_key()
    found = await attempts_of(api, await failed_once(api, key), key)
    first, second = found["attempts"]
    assert (first["outcome"], first["worker"], first["waited_sec"]) == ("retry", "w1", 0.0)
    assert first["error"] == {"code": "PROCESSING_ERROR", "message": "ValueError: no"}
    assert (second["outcome"], second["worker"], second["ended_at"]) == ("running", "w2", None)
    assert found["omitted"] == 0


async def test_only_admins_see_hosts(api: Api) -> None:
    key = await api.new_key()
    job_id = await failed_once(api, key)
    mine = await attempts_of(api, job_id, key)
    assert [one["host"] for one in mine["attempts"]] == [None, None]
    admins = data_of(await api.get(f"/api/jobs/{job_id}/attempts"))
    assert [one["host"] for one in admins["attempts"]] == ["h1", "h2"]


async def test_another_key_sees_no_attempts(api: Api) -> None:
    job_id = await failed_once(api, await api.new_key())
    other = await api.new_key()
    error_of(await api.get(f"/api/jobs/{job_id}/attempts", key=other), 404, "NOT_FOUND")
