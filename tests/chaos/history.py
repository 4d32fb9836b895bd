"""The history of every job, change by change, from MongoDB's own log of majority-committed writes.

It is read once at the end, from a change stream that begins before the first job: no observer can
miss a state that was there for a moment only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from chaos.canary import COLLECTION as MARKS
from pymongo import MongoClient

JsonObject = dict[str, Any]
END = "end"
READ_MS = 500


@dataclass(frozen=True, slots=True)
class Moment:
    """A job as it stood from *at* on."""

    at: float
    status: str
    run: int
    attempt: int
    forgiven: int
    max_attempts: int
    seq: int
    run_at: float
    owner: str | None = None
    """The process that holds it."""
    token: str | None = None
    """Of its lease."""
    settled_by: str | None = None
    """The token of the attempt that ended last."""
    cancel_requested: bool = False
    results: JsonObject | None = None
    error_code: str | None = None
    percent: int | None = None
    said: str | None = None
    """The message of its progress."""

    def same_as(self, other: Moment) -> bool:
        """Whether nothing but time lies between them."""
        return replace(self, at=other.at) == other


History = Mapping[str, list[Moment]]
"""By job id, each list in order."""


def moment_of(document: Mapping[str, Any], at: float) -> Moment:
    """What the ledger wants to know of a job's document."""
    lease, settled = document.get("lease") or {}, document.get("settled") or {}
    progress, error = document.get("progress") or {}, document.get("error") or {}
    return Moment(
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
        settled_by=settled.get("token"),
        cancel_requested=bool(document.get("cancel_requested")),
        results=document.get("results"),
        error_code=error.get("code"),
        percent=progress.get("percent"),
        said=progress.get("message"),
    )


def histories(events: Iterable[Mapping[str, Any]]) -> dict[str, list[Moment]]:
    """What change events, in order, tell of each job."""
    documents: dict[str, JsonObject] = {}
    found: dict[str, list[Moment]] = {}
    for event in events:
        job_id = event["documentKey"]["_id"]
        document = _after(event, documents.get(job_id))
        if document is None:
            continue
        documents[job_id] = document
        moment = moment_of(document, event["wallTime"].timestamp())
        moments = found.setdefault(job_id, [])
        if not moments or not moment.same_as(moments[-1]):
            moments.append(moment)
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
    """The point of the log that is now: where a later ``read`` is to begin."""
    return client[database].command("ping")["operationTime"]


def read(client: MongoClient[JsonObject], database: str, since: Any) -> dict[str, list[Moment]]:
    """Every job's history from *since* until now."""
    collections = client[database]
    collections[MARKS].insert_one({"_id": END})
    wanted = [{"$match": {"ns.coll": {"$in": ["jobs", MARKS]}}}]
    with collections.watch(
        wanted, start_at_operation_time=since, max_await_time_ms=READ_MS
    ) as stream:
        return histories(_until_the_mark(stream))


def _until_the_mark(stream: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for event in stream:
        if event["ns"]["coll"] == "jobs":
            yield event
        elif event["documentKey"]["_id"] == END:
            return
