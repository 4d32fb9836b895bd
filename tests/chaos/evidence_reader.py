"""Waits until all jobs of an experiment have ended, and reads the evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from chaos import execution_log, history
from chaos.event_log import EventLog, ProcessLifetime
from chaos.ledger import odd_documents
from chaos.ledger.evidence import TERMINAL, ClientAnswers, Evidence, received_webhooks
from chaos.ledger.interval import Interval
from chaos.ledger.recovery import FOREVER, WorkerProcess
from chaos.oddity import DELIVERY_PREFIX, PREFIX, OddDocument
from chaos.plan import Features, Submission
from chaos.system import DATABASE, System
from pymongo import MongoClient

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.processes.service import Service
from secretary_devstack.servers.port import HOST

JsonObject = dict[str, Any]
Client = MongoClient[JsonObject]

SETTLE_SEC = 120.0
OWN_WANTS = "Too many open files|No buffer space|Cannot allocate memory|No space left"
"""Texts of errors that are no fault of a receiver."""
REFUSED_ACCEPT = "accept() out of system resource"
MOST_REFUSALS = 20
"""A service logs that it has no descriptors once a minute; a restarted one may log it again."""
LISTEN_SEC = 60.0
"""A worker notices a half-open connection to the broker after about three heartbeats of 15 s."""
POLL_SEC = 0.5


def await_ends(client: Client, odd: Sequence[OddDocument]) -> bool:
    """Return when every job and every webhook has ended; False if one did not in time.

    The *odd* documents must have reached their fates too.
    """
    database = client[DATABASE]
    usual_jobs = {"_id": {"$not": {"$regex": f"^{PREFIX}"}}}
    usual_deliveries = {"_id": {"$not": {"$regex": f"^{DELIVERY_PREFIX}"}}}

    def all_ended() -> bool:
        waiting = [
            database.jobs.count_documents({**usual_jobs, "status": {"$nin": sorted(TERMINAL)}}),
            database.jobs.count_documents({**usual_jobs, "notify": {"$exists": True}}),
            database.deliveries.count_documents(
                {**usual_deliveries, "state": {"$in": ["pending", "sending"]}}
            ),
        ]
        return not any(waiting) and all(
            odd_documents.has_settled(*pair) for pair in stored_odd(client, odd)
        )

    try:
        return wait_until(all_ended, timeout_sec=SETTLE_SEC, what="all ends", every_sec=POLL_SEC)
    except NotInTime:
        return False


def stored_odd(
    client: Client, odd: Sequence[OddDocument]
) -> list[tuple[OddDocument, JsonObject | None]]:
    """Return each odd document with what is stored under its id."""
    database = client[DATABASE]
    return [
        (
            one,
            database[one.collection].find_one({"_id": one.document_id}),
        )
        for one in odd
    ]


def _own_failures(client: Client) -> list[tuple[str, str]]:
    """Return deliveries of which an attempt failed for want of the notifier's own."""
    query = {"attempts.error": {"$regex": OWN_WANTS}}
    return [
        (one["_id"], attempt["error"])
        for one in client[DATABASE].deliveries.find(query, projection=["attempts"])
        for attempt in one["attempts"]
        if re.search(OWN_WANTS, attempt.get("error") or "")
    ]


def await_listening(workers: Sequence[Service]) -> list[str]:
    """Wait until every worker consumes doorbells again; return an error for each that does not."""

    def not_listening() -> list[str]:
        return [worker.name for worker in workers if not _health(worker).get("listening")]

    try:
        wait_until(lambda: not not_listening(), timeout_sec=LISTEN_SEC, what="", every_sec=POLL_SEC)
    except NotInTime:
        return [
            f"{name} does not listen to the broker after {LISTEN_SEC:g} s"
            for name in not_listening()
        ]
    return []


def _health(worker: Service) -> JsonObject:
    try:
        answer = httpx.get(f"http://{HOST}:{worker.port}/health/ready").json()
    except (httpx.TransportError, ValueError):
        return {}
    found: JsonObject = answer if "listening" in answer else answer.get("data", {})
    return found


def read_evidence(
    system: System,
    client: Client,
    *,
    features: Features,
    submissions: Sequence[Submission],
    answers: ClientAnswers,
    since: Any,
    problems: Sequence[str],
    odd: Sequence[OddDocument],
) -> Evidence:
    """Read all evidence of an experiment."""
    database = client[DATABASE]
    superseded = database.deliveries.find({"state": "superseded"}, projection=["job_id", "run"])
    executions, _ = execution_log.read(system.execution_log)
    received = received_webhooks(system.receiver.requests, system.stack.keys.signing)
    return Evidence(
        features=features,
        plans={plan.ref: plan for each in submissions for plan in each.plans},
        batches=frozenset(
            frozenset(plan.ref for plan in each.plans)
            for each in submissions
            if len(each.plans) > 1
        ),
        answers=answers,
        jobs={job["_id"]: job for job in database.jobs.find() if not job["_id"].startswith(PREFIX)},
        superseded=frozenset((one["job_id"], one["run"]) for one in superseded),
        history=history.read(client, DATABASE, since),
        executions=[one for one in executions if not one.job_id.startswith(PREFIX)],
        webhooks=[one for one in received if not one.job_id.startswith(PREFIX)],
        crashes=problems,
        own_failures=_own_failures(client),
        odd=stored_odd(client, odd),
        odd_webhooks=[one for one in received if one.job_id.startswith(PREFIX)],
    )


def crashes_of(events: EventLog, log: Path) -> list[str]:
    """Return an error for each process that ended by itself and was not killed by its job."""
    pids = _worker_kills(log).keys()
    ended = [one for one in events.lifetimes if one.end == "by itself" and one.pid not in pids]
    return [
        *events.problems,
        *(f"{one.service} (pid {one.pid}) ended by itself" for one in ended),
    ]


def flooded_logs(services: Sequence[Service]) -> list[str]:
    """Return an error for each service that logged each refused ``accept`` without a limit."""
    counts = {
        one.name: one.log.read_text(errors="replace").count(REFUSED_ACCEPT) for one in services
    }
    return [
        f"{name} logged {count} times: {REFUSED_ACCEPT}"
        for name, count in counts.items()
        if count > MOST_REFUSALS
    ]


def worker_processes(
    workers: Sequence[Service], events: EventLog, log: Path
) -> list[WorkerProcess]:
    """Return every process of every worker, with the owner that its leases name."""
    died_at = _worker_kills(log)
    processes = []
    for worker in workers:
        lifetimes = [one for one in events.lifetimes if one.service == worker.name]
        for started_at, owner in _starts(worker.log):
            lifetime = _lifetime_at(lifetimes, started_at)
            ended_at = died_at.get(lifetime.pid, lifetime.ended_at or FOREVER)
            killed = lifetime.end == "killed" or lifetime.pid in died_at
            processes.append(WorkerProcess(owner, worker.name, started_at, ended_at, killed))
    return processes


def unavailable_times(events: EventLog) -> list[tuple[str, Interval]]:
    """Return when workers ran but could not work."""
    return [(one.service, Interval(one.began_at, one.ended_at)) for one in events.unavailable]


def _worker_kills(log: Path) -> dict[int, float]:
    """Return when a handler killed its own worker, by the worker's process id."""
    _, kills = execution_log.read(log)
    return {kill.pid: kill.at for kill in kills}


def _lifetime_at(lifetimes: Sequence[ProcessLifetime], at: float) -> ProcessLifetime:
    return next(one for one in reversed(lifetimes) if one.began_at <= at)


def _starts(log: Path) -> Iterator[tuple[float, str]]:
    for line in log.read_text(errors="replace").splitlines():
        if '"worker.started"' in line:
            fields = json.loads(line)
            yield datetime.fromisoformat(fields["time"]).timestamp(), fields["owner"]
