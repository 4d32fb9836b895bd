"""Cancel, retry and delete by filter: bounded, counted, and only what the key may see."""

from __future__ import annotations

from typing import Any

import pytest
from support.api_harness import Api, data_of, error_of, refused_field

from secretary_common.models import JobStatus


async def submitted(api: Api, count: int, key: str, **fields: Any) -> list[str]:
    answers = [await api.submit(key=key, **fields) for _ in range(count)]
    return [data_of(answer)["job_id"] for answer in answers]


def put(api: Api, job_ids: list[str], status: JobStatus) -> None:
    for job_id in job_ids:
        job = api.jobs.jobs[job_id]
        api.jobs.jobs[job_id] = job.model_copy(update={"status": status})


async def act(
    api: Api, action: str, key: str, limit: int = 1000, cursor: str | None = None, **chosen: Any
) -> Any:
    body = {"filter": chosen, "limit": limit, "cursor": cursor}
    answer = await api.request("POST", f"/api/jobs/{action}", key=key, json=body)
    assert answer.status_code == 202, answer.text
    return data_of(answer)


def statuses(api: Api, job_ids: list[str]) -> set[str]:
    return {api.jobs.jobs[job_id].status.value for job_id in job_ids}


async def test_the_waiting_jobs_of_a_filter_are_cancelled_and_no_others(api: Api) -> None:
    key = await api.new_key()
    mine = await submitted(api, 3, key, tags=["old"])
    others = await submitted(api, 2, key, tags=["new"])
    moved = await act(api, "cancel", key, tag="old")
    assert moved == {"matched": 3, "done": 3, "more": False, "next": None}
    assert (statuses(api, mine), statuses(api, others)) == ({"cancelled"}, {"pending"})


async def test_a_key_changes_no_job_of_another_key(api: Api) -> None:
    key, other = await api.new_key(), await api.new_key()
    theirs = await submitted(api, 2, other, tags=["t"])
    for action in ("cancel", "delete", "retry"):
        assert (await act(api, action, key, tag="t"))["matched"] == 0
    assert statuses(api, theirs) == {"pending"}
    assert (await act(api, "cancel", "the-bootstrap-key-of-all-tests", tag="t"))["done"] == 2


async def test_no_more_jobs_than_the_limit_are_changed(api: Api) -> None:
    key = await api.new_key()
    await submitted(api, 5, key)
    first = await act(api, "cancel", key, limit=3, job_type="custom")
    second = await act(api, "cancel", key, limit=3, job_type="custom")
    assert first == {"matched": 3, "done": 3, "more": True, "next": first["next"]}
    assert second == {"matched": 2, "done": 2, "more": False, "next": None}


async def test_with_the_cursor_a_call_goes_on_after_jobs_that_match_again(api: Api) -> None:
    key = await api.new_key()
    jobs = await submitted(api, 3, key)
    put(api, jobs, JobStatus.FAILED)
    first = await act(api, "retry", key, limit=2, job_type="custom")
    put(api, jobs[1:], JobStatus.FAILED)  # the retried jobs, the newest, have failed again
    second = await act(api, "retry", key, limit=2, job_type="custom", cursor=first["next"])
    assert second == {"matched": 1, "done": 1, "more": False, "next": None}
    assert statuses(api, jobs[:1]) == {"pending"}


async def test_with_the_cursor_a_rare_job_behind_many_others_is_reached(api: Api) -> None:
    key = await api.new_key()
    [rare] = await submitted(api, 1, key, tags=["t"], user_id="u")
    await submitted(api, 5, key, tags=["t"], user_id="other")
    cursor, done = None, 0
    while True:
        moved = await act(api, "cancel", key, limit=1, cursor=cursor, tag="t", user_id="u")
        cursor, done = moved["next"], done + moved["done"]
        if cursor is None:
            break
    assert (done, statuses(api, [rare])) == (1, {"cancelled"})


async def test_without_a_state_only_failed_jobs_are_retried(api: Api) -> None:
    key = await api.new_key()
    failed, completed = await submitted(api, 2, key), await submitted(api, 2, key)
    put(api, failed, JobStatus.FAILED)
    put(api, completed, JobStatus.COMPLETED)
    assert (await act(api, "retry", key, job_type="custom"))["done"] == 2
    assert (statuses(api, failed), statuses(api, completed)) == ({"pending"}, {"completed"})
    assert (await act(api, "retry", key, status="completed"))["done"] == 2


async def test_running_jobs_are_not_deleted(api: Api) -> None:
    key = await api.new_key()
    running, waiting = await submitted(api, 1, key), await submitted(api, 2, key)
    put(api, running, JobStatus.PROCESSING)
    assert (await act(api, "delete", key, job_type="custom"))["done"] == 2
    assert [bool(api.jobs.jobs[one].deleted_at) for one in running + waiting] == [False, True, True]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": {"tag": "a"}, "limit": 1001}, "limit"),
        ({"filter": {"tag": "a"}, "cursor": "!"}, "cursor"),
        ({"filter": {"colour": "a"}}, "filter.colour"),
        ({"filter": {"status": "completed"}}, "filter.status"),
        ({}, "filter"),
    ],
)
async def test_a_filter_that_selects_nothing_known_is_refused(
    api: Api, body: Any, field: str
) -> None:
    refused_field(await api.request("POST", "/api/jobs/cancel", json=body), field)


async def test_two_filters_at_once_select_only_jobs_that_fit_both(api: Api) -> None:
    key = await api.new_key()
    await submitted(api, 2, key, tags=["a"])
    both = await submitted(api, 1, key, tags=["a"], user_id="u")
    found = data_of(await api.get("/api/jobs/?tag=a&user_id=u", key=key))
    assert [job["job_id"] for job in found["jobs"]] == both
    error_of(await api.get("/api/jobs/?tag=a&colour=b", key=key), 422, "VALIDATION_ERROR")
