"""Waits for the end of a round and gathers its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from chaos import history, record
from chaos.diary import Diary, Life
from chaos.evidence import TERMINAL, Evidence, hooks_of
from chaos.feature import Features
from chaos.interval import Interval
from chaos.plan import Submission
from chaos.recovery import FOREVER, Boot
from chaos.system import DATABASE, System
from chaos.told import Told
from pymongo import MongoClient

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.processes.service import Service
from secretary_devstack.servers.port import HOST

JsonObject = dict[str, Any]
Client = MongoClient[JsonObject]

SETTLE_SEC = 120.0
LISTEN_SEC = 60.0
"""A half-open connection to the broker is noticed after some three heartbeats of 15 s."""
LOOK_SEC = 0.5


def await_rest(client: Client) -> bool:
    """Return when every job and every webhook has come to its end; False: not in time."""
    database = client[DATABASE]

    def rests() -> bool:
        waiting = [
            database.jobs.count_documents({"status": {"$nin": sorted(TERMINAL)}}),
            database.jobs.count_documents({"notify": {"$exists": True}}),
            database.deliveries.count_documents({"state": {"$in": ["pending", "sending"]}}),
        ]
        return not any(waiting)

    try:
        return wait_until(rests, timeout_sec=SETTLE_SEC, what="rest", every_sec=LOOK_SEC)
    except NotInTime:
        return False


def await_listening(workers: Sequence[Service]) -> list[str]:
    """Wait until every worker hears the doorbell again; complaints about those that do not."""

    def deaf() -> list[str]:
        return [worker.name for worker in workers if not _health(worker).get("listening")]

    try:
        wait_until(lambda: not deaf(), timeout_sec=LISTEN_SEC, what="", every_sec=LOOK_SEC)
    except NotInTime:
        return [f"{name} does not listen to the broker after {LISTEN_SEC:g} s" for name in deaf()]
    return []


def _health(worker: Service) -> JsonObject:
    try:
        answer = httpx.get(f"http://{HOST}:{worker.port}/health/ready").json()
    except (httpx.TransportError, ValueError):
        return {}
    found: JsonObject = answer if "listening" in answer else answer.get("data", {})
    return found


def evidence_of(
    system: System,
    client: Client,
    *,
    features: Features,
    submissions: Sequence[Submission],
    told: Told,
    since: Any,
    problems: Sequence[str],
) -> Evidence:
    """Read everything there is."""
    database = client[DATABASE]
    overtaken = database.deliveries.find({"state": "superseded"}, projection=["job_id", "run"])
    executions, _ = record.read(system.record)
    return Evidence(
        features=features,
        plans={plan.ref: plan for each in submissions for plan in each.plans},
        batches=frozenset(
            frozenset(plan.ref for plan in each.plans)
            for each in submissions
            if len(each.plans) > 1
        ),
        told=told,
        jobs={job["_id"]: job for job in database.jobs.find()},
        superseded=frozenset((one["job_id"], one["run"]) for one in overtaken),
        history=history.read(client, DATABASE, since),
        executions=executions,
        hooks=hooks_of(system.receiver.requests, system.stack.keys.signing),
        crashes=problems,
    )


def crashes_of(diary: Diary, executions: Path) -> list[str]:
    """The processes that ended by themselves and were not killed by their own job."""
    pids = _suicides(executions).keys()
    ended = [life for life in diary.lives if life.end == "by itself" and life.pid not in pids]
    return [
        *diary.complaints,
        *(f"{life.service} (pid {life.pid}) ended by itself" for life in ended),
    ]


def boots_of(workers: Sequence[Service], diary: Diary, executions: Path) -> list[Boot]:
    """Every process of every worker, with the owner its leases name."""
    died_at = _suicides(executions)
    boots = []
    for worker in workers:
        lives = [life for life in diary.lives if life.service == worker.name]
        for started_at, owner in _starts(worker.log):
            life = _life_at(lives, started_at)
            ended_at = died_at.get(life.pid, life.ended_at or FOREVER)
            killed = life.end == "killed" or life.pid in died_at
            boots.append(Boot(owner, worker.name, started_at, ended_at, killed))
    return boots


def absences_of(diary: Diary) -> list[tuple[str, Interval]]:
    """When workers lived and could not work."""
    return [(one.service, Interval(one.began_at, one.ended_at)) for one in diary.absences]


def _suicides(executions: Path) -> dict[int, float]:
    """When a handler killed its own worker, by the worker's process id."""
    _, suicides = record.read(executions)
    return {suicide.pid: suicide.at for suicide in suicides}


def _life_at(lives: Sequence[Life], at: float) -> Life:
    return next(life for life in reversed(lives) if life.began_at <= at)


def _starts(log: Path) -> Iterator[tuple[float, str]]:
    for line in log.read_text(errors="replace").splitlines():
        if '"worker.started"' in line:
            fields = json.loads(line)
            yield datetime.fromisoformat(fields["time"]).timestamp(), fields["owner"]
