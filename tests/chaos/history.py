"""The history of every job, state by state, from MongoDB's log of majority-committed writes.

The log is read once at the end, as a change stream that begins before the first job. So no state is
missed, however short it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from chaos.cluster_probe import COLLECTION as PROBE_COLLECTION
from chaos.oddity import PREFIX
from pymongo import MongoClient

JsonObject = dict[str, Any]
END_MARK = "end"
READ_MS = 500


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job from the time *at* on."""

    at: float
    status: str
    run: int
    attempt: int
    forgiven: int
    max_attempts: int
    seq: int
    run_at: float
    owner: str | None = None
    """The worker process that has the lease."""
    token: str | None = None
    """The token of the lease."""
    settled_token: str | None = None
    """The lease token of the attempt that ended last."""
    cancel_requested: bool = False
    results: JsonObject | None = None
    error_code: str | None = None
    percent: int | None = None
    progress_message: str | None = None
    """The message of the last progress."""

    def same_as(self, other: JobState) -> bool:
        """Return whether the two states differ only in their time."""
        return replace(self, at=other.at) == other


History = Mapping[str, list[JobState]]
"""The states of each job in order, by job id."""


def state_of(document: Mapping[str, Any], at: float) -> JobState:
    """Return the fields of a job's document that the ledger checks."""
    lease, settled = document.get("lease") or {}, document.get("settled") or {}
    progress, error = document.get("progress") or {}, document.get("error") or {}
    return JobState(
        at=at,
        status=document["status"],
        run=document["run"],
        attempt=document["attempt"],
        forgiven=document["forgiven"],
        max_attempts=document["max_attempts"],
        seq=document["seq"],
        run_at=document["run_at"].timestamp(),
        owner=lease.get("owner"),
        token=lease.get("token"),
        settled_token=settled.get("token"),
        cancel_requested=bool(document.get("cancel_requested")),
        results=document.get("results"),
        error_code=error.get("code"),
        percent=progress.get("percent"),
        progress_message=progress.get("message"),
    )


def job_histories(events: Iterable[Mapping[str, Any]]) -> dict[str, list[JobState]]:
    """Return the states of each job, from change events in order."""
    documents: dict[str, JsonObject] = {}
    found: dict[str, list[JobState]] = {}
    for event in events:
        job_id = event["documentKey"]["_id"]
        document = _after(event, documents.get(job_id))
        if document is None:
            continue
        documents[job_id] = document
        state = state_of(document, event["wallTime"].timestamp())
        states = found.setdefault(job_id, [])
        if not states or not state.same_as(states[-1]):
            states.append(state)
    return found


def _after(event: Mapping[str, Any], before: JsonObject | None) -> JsonObject | None:
    if event["operationType"] in ("insert", "replace"):
        inserted: JsonObject = event["fullDocument"]
        return inserted
    if event["operationType"] != "update" or before is None:
        return None
    document = deepcopy(before)
    change = event["updateDescription"]
    for path, value in change["updatedFields"].items():
        *parents, name = path.split(".")
        place = _inside(document, parents)
        if isinstance(place, list):  # a push: the path ends with the number of the item
            place[int(name) :] = [value]
        else:
            place[name] = value
    for path in change["removedFields"]:
        *parents, name = path.split(".")
        _inside(document, parents).pop(name, None)
    return document


def _inside(document: JsonObject, parents: list[str]) -> Any:
    for parent in parents:
        document = document.setdefault(parent, {})
    return document


def now_in(client: MongoClient[JsonObject], database: str) -> Any:
    """Return the current position in the log, for a later ``read``."""
    return client[database].command("ping")["operationTime"]


def read(client: MongoClient[JsonObject], database: str, since: Any) -> dict[str, list[JobState]]:
    """Return every job's history from *since* until now."""
    collections = client[database]
    collections[PROBE_COLLECTION].insert_one({"_id": END_MARK})
    wanted = [{"$match": {"ns.coll": {"$in": ["jobs", PROBE_COLLECTION]}}}]
    with collections.watch(
        wanted, start_at_operation_time=since, max_await_time_ms=READ_MS
    ) as stream:
        return job_histories(usual_events(stream))


def usual_events(stream: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Yield the events of jobs that are not odd, until the end mark."""
    for event in stream:
        document_id = event["documentKey"]["_id"]
        if event["ns"]["coll"] == "jobs":
            if not str(document_id).startswith(PREFIX):
                yield event
        elif document_id == END_MARK:
            return
