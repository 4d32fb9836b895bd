"""``GET /api/overview``: what waits, runs and ended, who works, and what is in trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.api_harness import Api, data_of, error_of
from support.dashboard_data import report_worker, stored_jobs

from secretary_common.models import JobStatus


async def test_the_overview_agrees_with_the_exact_counts(api: Api) -> None:
    jobs = stored_jobs(api, 200)
    running = [job for job in jobs if job.status is JobStatus.PROCESSING]
    await report_worker(api, "worker-1", running[:3])
    found = data_of(await api.get("/api/overview"))
    exact = data_of(await api.get("/api/stats"))["types"]
    for name, counted in exact.items():
        assert counted.items() <= found["types"][name].items()
    ended = [job for job in jobs if job.has_ended]
    assert found["history"]["since"]
    assert sum(one["workers"] for one in found["types"].values()) == 2
    assert {job["job_id"] for job in found["running"]} == {job.job_id for job in running[:3]}
    assert [worker["busy"] for worker in found["workers"]] == [3]
    assert len(ended) > 100


async def test_the_running_jobs_that_changed_least_recently_come_first(api: Api) -> None:
    jobs = [job for job in stored_jobs(api, 400) if job.status is JobStatus.PROCESSING]
    await report_worker(api, "worker-1", jobs, slots=50)
    found = data_of(await api.get("/api/overview"))["running"]
    wanted = sorted(jobs, key=lambda job: (job.updated_at, job.job_id))[:10]
    assert [job["job_id"] for job in found] == [job.job_id for job in wanted]


async def test_a_key_sees_its_own_work_only(api: Api) -> None:
    key = await api.new_key()
    stored_jobs(api, 50)
    mine = stored_jobs(api, 10, owner=key.split("_")[1], seed=2)
    everything = [job for job in api.jobs.jobs.values() if job.status is JobStatus.PROCESSING]
    await report_worker(api, "worker-1", everything)
    found = data_of(await api.get("/api/overview", key=key))
    pending = sum(one["waiting"] + one["scheduled"] for one in found["types"].values())
    assert pending == sum(job.status is JobStatus.PENDING for job in mine)
    assert found["waiting_by_key"] is None
    assert found["workers"][0]["host"] is None
    ids = {job.job_id for job in mine}
    assert {job["job_id"] for job in found["running"]} <= ids


async def test_an_admin_sees_which_keys_have_the_most_waiting_jobs(api: Api) -> None:
    stored_jobs(api, 100, owner="many")
    stored_jobs(api, 20, owner="few")
    keys = data_of(await api.get("/api/overview"))["waiting_by_key"]
    assert [one["key_id"] for one in keys] == ["many", "few"]
    assert keys[0]["waiting"] > keys[1]["waiting"]


async def test_an_admin_sees_each_key_whose_queue_is_full(api: Api) -> None:
    key = await api.new_key("the wiki", limits={"max_pending": 2})
    for _ in range(2):
        await api.submit({}, key=key)
    for n in range(6):
        stored_jobs(api, 60, owner=f"other-{n}", seed=n)
    keys = data_of(await api.get("/api/overview"))["waiting_by_key"]
    assert len(keys) == 6
    full = {"key_id": key.split("_")[1], "name": "the wiki", "waiting": 2, "most": 2}
    assert keys[-1] == full
    assert keys[0]["most"] is None


async def test_the_overview_says_what_does_not_answer(api: Api) -> None:
    found = data_of(await api.get("/api/overview"))
    assert (found["broker"], found["notifiers"]) == ("connected", False)
    other = Api()
    other.doorbell.answers = False
    await other.notifiers.report("n1", other.clock.now(), {"receivers": []})
    found = data_of(await other.get("/api/overview"))
    assert (found["broker"], found["notifiers"]) == ("disconnected", True)


async def test_a_receiver_in_trouble_is_listed(api: Api) -> None:
    until = api.clock.now() + timedelta(seconds=30)
    state = {"origin": "https://down.example:443", "failures": 9, "open_until": until}
    await api.notifiers.report("n1", api.clock.now(), {"receivers": [state]})
    [receiver] = data_of(await api.get("/api/overview"))["receivers"]
    assert (receiver["receiver"], receiver["breaker"]) == ("https://down.example:443", "open")


async def test_a_type_that_is_paused_or_has_no_worker_shows_it(api: Api) -> None:
    await api.request("POST", "/api/job-types/custom/pause")
    found = data_of(await api.get("/api/overview"))["types"]["custom"]
    assert (found["paused"], found["workers"]) == (True, 0)


async def test_without_mongodb_the_overview_says_so(api: Api) -> None:
    api.store_answers = False
    error_of(await api.get("/api/overview"), 503, "STORE_UNAVAILABLE")


@pytest.mark.parametrize("scopes", [["submit"], ["deliveries"]])
async def test_the_overview_needs_the_scope_read(api: Api, scopes: list[str]) -> None:
    key = await api.new_key(scopes=scopes)
    error_of(await api.get("/api/overview", key=key), 403, "FORBIDDEN")
