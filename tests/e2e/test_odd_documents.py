"""Documents with fields of other types, missing fields and unknown fields, beside good jobs.

Other versions and repairs by hand write such documents. The real services run over them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import BulkWriteError
from support import stored_samples as samples
from support.odd_documents import Odd, odd_documents

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Receiver

pytestmark = pytest.mark.drill


StackFactory = Callable[..., Stack]
Database = Any

SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "generic_worker.max_concurrent": 16,
    "worker.heartbeat_sec": 1,
    "worker.lease_sec": 6,
    "notifier.poll_interval_sec": 1,
    "notifier.retry_schedule_sec": [0, 1],
    "retention.sweep_interval_sec": 1,
    "log.format": "json",
}
ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def database(mongo_url: str, database_name: str) -> Iterator[Database]:
    with MongoClient[dict[str, Any]](
        mongo_url, tz_aware=True, datetime_conversion="DATETIME_AUTO"
    ) as client:
        yield client[database_name]


def insert(collection: Any, odd: list[Odd]) -> None:
    """Insert documents; MongoDB refuses some, such as a second document under a unique key."""
    try:
        collection.insert_many([one.document for one in odd], ordered=False)
    except BulkWriteError as error:
        refused = {one["errmsg"] for one in (error.details or {})["writeErrors"]}
        if not all("duplicate key" in message or "parallel" in message for message in refused):
            raise


def is_left_alone(odd: Odd) -> bool:
    """Whether the job is valid for this version, but no worker may run it."""
    a_word = odd.kind in ("string", "number as text")
    if (odd.field, odd.kind) == ("job_type", "array of texts"):
        return True  # as for an unknown type
    if odd.field in ("job_type", "status", "notify.phase") and a_word:
        return True  # an unknown type, or a word of a newer version
    return (odd.field, odd.kind) == ("cancel_requested", "bool")


def test_jobs_with_odd_fields_end_or_are_set_aside_and_stop_no_other(
    start_stack: StackFactory, receiver: Receiver, database: Database
) -> None:
    stack = start_stack(SETTINGS, workers=2)
    now, url = datetime.now(UTC), receiver.url("/hook")
    kinds = {
        "waiting": samples.waiting_job(now, url),
        "running": samples.running_job(now, url),
        "ended": samples.ended_job(now, url),
    }
    odd = [one for name, job in kinds.items() for one in odd_documents(job, f"job-{name}")]
    database.endpoints.insert_one(samples.endpoint(now, url))
    insert(database.jobs, odd)
    stored = {repr(one["_id"]) for one in database.jobs.find({}, {"_id": 1})}
    with stack.client() as client:
        hook = {"url": receiver.url("/good")}
        good = [client.submit("nap", {"seconds": 0.1, "webhook": hook}) for _ in range(5)]
        for job_id in good:
            assert client.wait(job_id, timeout_sec=30)["status"] == "completed"
        open_jobs = [one for one in odd if repr(one.id) in stored and not is_left_alone(one)]
        await_ended(database, open_jobs, within_sec=60)
        assert_newer_are_untouched(database, odd)
        listed = all_pages(client, "/api/jobs/", "jobs")
        assert {job["job_id"] for job in listed} >= set(good)
        assert_unreadable_can_be_seen_and_deleted(client)
        assert_answers(client)
    assert_no_crash(stack)


def await_ended(database: Database, jobs: list[Odd], *, within_sec: float) -> None:
    by_id = {repr(one.id): one for one in jobs}

    def still_open() -> list[str]:
        found = database.jobs.find({"status": {"$nin": ENDED}}, {"_id": 1, "status": 1})
        return [
            f"{by_id[key].field}: {by_id[key].kind} ({one.get('status')}, {key})"
            for one in found
            if (key := repr(one["_id"])) in by_id
        ]

    try:
        wait_until(lambda: not still_open(), timeout_sec=within_sec, what="odd jobs", every_sec=1)
    except NotInTime:
        pytest.fail("not ended:\n" + "\n".join(still_open()))


def assert_newer_are_untouched(database: Database, odd: list[Odd]) -> None:
    for one in odd:
        if one.field in ("status", "notify.phase") and one.kind == "string":
            assert database.jobs.find_one({"_id": one.id}) == stored_form(database, one)


def stored_form(database: Database, odd: Odd) -> Any:
    """The document as MongoDB returns it: times lose their microseconds."""
    scratch = database.scratch
    scratch.replace_one({"_id": odd.id}, odd.document, upsert=True)
    return scratch.find_one({"_id": odd.id})


def all_pages(client: JobClient, path: str, name: str) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        params = {"limit": 250} | ({"cursor": cursor} if cursor else {})
        answer = client.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()["data"]
        found += page[name]
        cursor = page["next"]
        if cursor is None:
            return found


def assert_unreadable_can_be_seen_and_deleted(client: JobClient) -> None:
    answer = client.http.get("/api/jobs/", params={"status": "failed", "limit": 250})
    failed = answer.json()["data"]["jobs"]
    unreadable = [job for job in failed if job["error"]["code"] == "UNREADABLE"]
    assert len(unreadable) > 100
    for job in unreadable[:20]:
        path = f"/api/jobs/{job['job_id']}"
        shown = client.http.get(path)
        if shown.status_code == 404:  # an ``_id`` of another type has no path
            continue
        assert shown.json()["data"]["status"] == "failed"
        assert client.http.post(f"{path}/retry").status_code == 409
        assert client.http.delete(path).status_code == 200


def assert_answers(client: JobClient) -> None:
    paths = ["jobs/", "stats", "workers", "job-types", "templates", "keys", "deliveries"]
    for path in paths:
        answer = client.http.get(f"/api/{path}")
        assert answer.status_code == 200, (path, answer.text)


def assert_no_crash(stack: Stack) -> None:
    faults = []
    for service in stack.services:
        assert service.running, service.log.read_text()[-3000:]
        faults += [
            line[:3000]
            for line in service.log.read_text().splitlines()
            if "Traceback" in line or re.search(r"\.(crashed|failed)\"", line)
        ]
    assert not faults, "\n".join(faults[:5])


def test_deliveries_with_odd_fields_are_sent_or_dead_and_stop_no_other(
    start_stack: StackFactory, receiver: Receiver, database: Database
) -> None:
    stack = start_stack(SETTINGS)
    now, url = datetime.now(UTC), receiver.url("/hook")
    kinds = {
        "waiting": samples.waiting_delivery(now, url),
        "sent": samples.sent_delivery(now, url),
        "endpoint": samples.endpoint_delivery(now, url),
    }
    odd = [one for name, each in kinds.items() for one in odd_documents(each, f"msg_{name}")]
    for number, one in enumerate(odd):  # one delivery of a job at a time
        job_id = one.document.get("job_id")
        if isinstance(job_id, str):
            one.document["job_id"] = job_id.replace("gone", f"gone-{number}")
    database.endpoints.insert_one(samples.endpoint(now, url))
    insert(database.deliveries, odd)
    with stack.client() as client:
        hook = {"url": receiver.url("/good")}
        good = [client.submit("nap", {"seconds": 0.1, "webhook": hook}) for _ in range(5)]
        for job_id in good:
            assert client.wait(job_id, timeout_sec=30)["status"] == "completed"
        wait_until(
            lambda: sum(b'"completed"' in hit.body for hit in receiver.requests) >= 5,
            timeout_sec=30,
            what="the good webhooks",
        )
        by_id = {repr(one.id): one for one in odd}

        def still_open() -> list[str]:
            found = database.deliveries.find({"state": {"$nin": ["delivered", "dead", "dropped"]}})
            return [
                f"{one.field}: {one.kind} ({each.get('state')})"
                for each in found
                if (one := by_id.get(repr(each["_id"])))
                and not (
                    one.field in ("state", "phase") and one.kind in ("string", "number as text")
                )
            ]

        try:
            wait_until(lambda: not still_open(), timeout_sec=60, what="odd deliveries", every_sec=1)
        except NotInTime:
            pytest.fail("not ended:\n" + "\n".join(still_open()))
        all_pages(client, "/api/deliveries", "deliveries")
        all_pages(client, "/api/jobs/", "jobs")
        assert_answers(client)
    assert_no_crash(stack)


def test_other_odd_documents_are_skipped_and_their_types_answered(
    start_stack: StackFactory, receiver: Receiver, database: Database
) -> None:
    now = datetime.now(UTC)
    for name, sample in samples.others(now).items():
        insert(database[name], list(odd_documents(sample, name)))
    database.locks.insert_one({"_id": "sweeper", "owner": "x", "expires_at": "never"})
    database.job_types.insert_one({"_id": "odd-type", "paused": False})
    stack = start_stack(SETTINGS)
    with stack.client() as client:
        hook = {"url": receiver.url("/good")}
        good = [client.submit("nap", {"seconds": 0.1, "webhook": hook}) for _ in range(5)]
        for job_id in good:
            assert client.wait(job_id, timeout_sec=30)["status"] == "completed"
        refused = client.http.post("/api/jobs/", json={"job_type": "odd-type", "parameters": {}})
        assert refused.status_code == 503, refused.text
        assert "odd-type" in refused.text
        for one in database.batches.find({}, {"_id": 1}):
            answer = client.http.get(f"/api/jobs/batch/{one['_id']}")
            assert answer.status_code in (200, 404), answer.text
        for one in database.endpoints.find({"_id": {"$type": "string"}}, {"_id": 1}):
            body = {"url": "https://example.com/repaired", "enabled": False}
            answer = client.http.patch(f"/api/endpoints/{one['_id']}", json=body)
            assert answer.status_code == 200, answer.text
        all_pages(client, "/api/endpoints", "endpoints")
        for key in database.api_keys.find({}, {"_id": 1}):
            token = {"Authorization": f"Bearer sk_{key['_id']}_x"}
            assert client.http.get("/api/jobs/", headers=token).status_code == 401
        for file in database["fs.files"].find({}, {"_id": 1}):
            parameters = {"file_id": str(file["_id"])}
            body = {"job_type": "measure", "parameters": parameters}
            assert client.http.post("/api/jobs/", json=body).status_code in (202, 422)
        database.jobs.insert_one(samples.ended_job(now, hook["url"]) | {"_id": "job-x"})
        assert client.http.get("/api/jobs/job-x/logs").status_code == 200
        assert client.http.get("/api/jobs/job-x").status_code == 200
        assert_answers(client)
        wait_until(
            lambda: (
                (lock := database.locks.find_one({"_id": "sweeper"}))
                and lock["owner"] != "x"
                and lock["expires_at"] > now + timedelta(seconds=1)
            ),
            timeout_sec=20,
            what="a sweep",
        )
    assert_no_crash(stack)
