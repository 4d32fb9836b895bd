"""Change events become the states of a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chaos.history import job_histories, usual_events

BORN = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENT = {
    "_id": "job-1",
    "status": "pending",
    "run": 1,
    "run_at": BORN,
    "attempt": 0,
    "forgiven": 0,
    "max_attempts": 3,
    "seq": 0,
}


def event(kind: str, second: int, **fields: Any) -> dict[str, Any]:
    return {
        "operationType": kind,
        "documentKey": {"_id": "job-1"},
        "wallTime": BORN.replace(second=second),
        **fields,
    }


def update(second: int, put: dict[str, Any], drop: tuple[str, ...] = ()) -> dict[str, Any]:
    change = {"updatedFields": put, "removedFields": list(drop)}
    return event("update", second, updateDescription=change)


CLAIM = {"status": "processing", "attempt": 1, "seq": 1, "lease": {"owner": "a", "token": "t"}}


def test_each_change_is_a_state() -> None:
    events = [
        event("insert", 0, fullDocument=DOCUMENT),
        update(1, CLAIM),
        update(2, {"lease.expires_at": BORN}),  # a renewal changes nothing that the ledger checks
        update(3, {"progress": {"percent": 5, "message": "attempt 1"}, "seq": 2}),
        update(
            4,
            {"status": "completed", "seq": 3, "results": {"n": 1}, "settled": {"token": "t"}},
            ("lease", "progress.message"),
        ),
    ]
    (states,) = job_histories(events).values()
    assert [(one.at - BORN.timestamp(), one.status, one.token, one.seq) for one in states] == [
        (0, "pending", None, 0),
        (1, "processing", "t", 1),
        (3, "processing", "t", 2),
        (4, "completed", None, 3),
    ]
    last = states[-1]
    assert (last.results, last.settled_token, last.percent, last.progress_message) == (
        {"n": 1},
        "t",
        5,
        None,
    )
    assert states[2].progress_message == "attempt 1"


def test_odd_jobs_have_no_history() -> None:
    odd = {**event("insert", 0, fullDocument={"seq": "9"}), "documentKey": {"_id": "odd-2"}}
    usual = event("insert", 0, fullDocument=DOCUMENT)
    end = {"documentKey": {"_id": "end"}, "ns": {"coll": "cluster_probe"}}
    of_jobs = [{**one, "ns": {"coll": "jobs"}} for one in (odd, usual)]
    assert list(job_histories(usual_events([*of_jobs, end, *of_jobs]))) == ["job-1"]


def test_a_job_that_was_removed_keeps_its_history() -> None:
    events = [event("insert", 0, fullDocument=DOCUMENT), event("delete", 1)]
    assert len(job_histories(events)["job-1"]) == 1


def test_what_is_added_to_a_list_is_no_moment_of_its_own() -> None:
    events = [
        event("insert", 0, fullDocument={**DOCUMENT, "outages": []}),
        update(1, {"outages.0": {"token": "a"}}),
        update(2, {"outages.1": {"token": "b"}}),
        update(3, CLAIM),
    ]
    (states,) = job_histories(events).values()
    assert [one.status for one in states] == ["pending", "processing"]
