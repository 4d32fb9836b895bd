"""One job at a time on an idle system: how long each step takes, from submission to webhook.

All systems run side by side, each with servers of its own, and get one job after the other in turn.
So what slows down the machine for a while slows down all of them.

All times are from the moment when the client sends the request. "stored" is when a reader of the
database sees the end. Only Secretary sends webhooks, so the peers' rows end with "stored".
"""

from __future__ import annotations

import argparse
import functools
import http.client
import json
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness import picture, results
from harness.load import PATH
from harness.peer import CeleryThreads, Peer, Taskiq
from harness.receiver import Receivers
from harness.results import Record
from harness.secretary import Secretary
from harness.system import MongoSystem
from harness.turns import alone, in_turns, running, say

STEPS = ("created", "answer", "started", "ended", "stored", "webhook")
WARM_UP = 5
POLL_SEC = 0.001
READ_SEC = 0.003
"""About the time from one read of the end to the next."""
PAUSE_SEC = 0.05
WEBHOOK_SEC = 10.0
PEERS: dict[str, type[Peer]] = {"celery-threads": CeleryThreads, "taskiq": Taskiq}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--systems", nargs="+", default=["secretary", *PEERS])
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--driver", nargs="+", default=[], help="Secretary's MongoDB drivers")


def measure(options: argparse.Namespace) -> Record:
    """Measure all systems in turns."""
    records: list[Record] = []
    for turn in range(1, options.turns + 1):
        with alone(options.lock):
            records += _one_turn(turn, options)
    return {"records": records}


def _one_turn(turn: int, options: argparse.Namespace) -> list[Record]:
    """Start all systems, give them a job each in turn, and return their records."""
    makers = _makers(options)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in makers}
    with ExitStack() as stack:
        receivers = stack.enter_context(Receivers(1))
        systems = {name: stack.enter_context(running(make)) for name, make in makers.items()}
        for _, name in in_turns(list(makers), WARM_UP + options.jobs):
            system = systems[name]
            hook = receivers if isinstance(system, Secretary) else None
            found[name].append(_one(system, hook))
    return [_record(name, turn, jobs[WARM_UP:]) for name, jobs in found.items()]


def _record(name: str, turn: int, jobs: list[dict[str, float]]) -> Record:
    steps = {step: [job[step] for job in jobs if step in job] for step in STEPS}
    times = {step: results.percentiles(found) for step, found in steps.items() if found}
    medians = ", ".join(f"{step} {found['p50']:.1f}" for step, found in times.items())
    say(f"turn {turn}  {name:16} p50 ms: {medians}")
    return {"system": name, "turn": turn, "jobs": len(jobs), "ms": times}


def _makers(options: argparse.Namespace) -> dict[str, Callable[[Path], MongoSystem]]:
    """Return what is measured in each turn, by name."""
    found: dict[str, Callable[[Path], MongoSystem]] = {}
    for name in options.systems:
        if name in PEERS:
            found[name] = PEERS[name]
            continue
        for driver in options.driver or [""]:
            settings = {"mongo.driver": driver} if driver else {}
            make = functools.partial(Secretary, notifiers=1, settings=settings)
            found[f"{name} ({driver})" if driver else name] = make
    return found


def _one(system: MongoSystem, receivers: Receivers | None) -> dict[str, float]:
    """Run one job; return the milliseconds from the request to each step."""
    time.sleep(PAUSE_SEC)
    parameters: dict[str, Any] = {"text": "a" * 50}
    if receivers:
        parameters["webhook"] = {"url": receivers.url(0), "progress": False}
    at = urlsplit(system.url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=10)
    connection.connect()
    body = json.dumps({"job_type": system.job_type, "parameters": parameters})
    headers = {"Content-Type": "application/json", **system.headers}
    began = time.time()
    connection.request("POST", PATH, body, headers)
    answer = json.loads(connection.getresponse().read())
    steps = {"answer": time.time()}
    connection.close()
    job_id = answer.get("data", answer)["job_id"]
    # Reads at fixed times after the answer would round the end of each system differently.
    time.sleep(random.random() * READ_SEC)  # noqa: S311 - no secret: it spreads the reads
    while not (job := _ended(system, job_id)):
        time.sleep(POLL_SEC)
    steps["stored"] = time.time()
    started = job.get("processing_started_at") or job["started_at"]
    times = {"created": job["created_at"], "started": started, "ended": job["completed_at"]}
    steps |= {step: found.timestamp() for step, found in times.items()}
    if receivers:
        steps["webhook"] = _first_byte(receivers)
    return {step: (found - began) * 1000 for step, found in steps.items()}


def _ended(system: MongoSystem, job_id: str) -> dict[str, Any] | None:
    jobs = system.client[system.database]["jobs"]
    times = ["created_at", "started_at", "processing_started_at", "completed_at"]
    return jobs.find_one({"_id": job_id, "status": "completed"}, times)


def _first_byte(receivers: Receivers) -> float:
    deadline = time.monotonic() + WEBHOOK_SEC
    while not (arrivals := receivers.take()):
        if time.monotonic() > deadline:
            raise TimeoutError("no webhook arrived")
        time.sleep(POLL_SEC)
    return next(iter(arrivals.values()))


def tables(found: Record) -> str:
    """Return the table of the results: medians, and the 95th percentile of the end."""
    rows = []
    for (name,), records in results.grouped(found["records"], "system").items():
        medians = [results.values_of(records, "ms", step, "p50") for step in STEPS]
        late = results.median(records, "ms", "stored", "p95")
        cells = [f"{results.quantile(values, 0.5):.1f}" if values else "" for values in medians]
        rows.append([str(name), *cells, f"{late:.1f}"])
    return results.table(("system", *(f"{step} ms" for step in STEPS), "stored p95 ms"), rows)


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    groups = {
        str(name): {
            step: results.median(records, "ms", step, "p50")
            for step in STEPS
            if results.values_of(records, "ms", step, "p50")
        }
        for (name,), records in results.grouped(found["records"], "system").items()
    }
    title = "From the request to each step, idle system, median"
    return {"idle": picture.bars(title, groups, unit=" ms")}
