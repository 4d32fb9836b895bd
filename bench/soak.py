"""A steady rate of jobs for ten minutes: does the rate hold, does memory grow, do jobs wait longer?

The rate is a share of what a short burst reached before, on the same system. The first part warms
the services up, so the last part is compared with the second one.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import time
from typing import Any

from harness import cpu, picture, results
from harness.load import Submitted, request_of, submit
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import running, say

BURST = 1000
CONNECTIONS = 32
SAMPLE_EVERY = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--parts", type=int, default=10, help="into how many parts to divide it")
    parser.add_argument("--share", type=float, default=0.6, help="of the burst's rate")
    parser.add_argument("--rate", type=float, default=0, help="jobs a second, in place of a share")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--slots", type=int, default=32)


def measure(options: argparse.Namespace) -> Record:
    """Measure each part of the time."""
    make = functools.partial(Secretary, workers=options.workers, slots=options.slots)
    with running(make, lock=options.lock) as system:
        request = request_of(system.url, system.headers, _body(system))
        rate = options.rate or _burst_rate(system, request) * options.share
        say(f"{rate:.0f} jobs/s for {options.minutes:g} minutes")
        seconds = options.minutes * 60 / options.parts
        records = [
            _part(system, request, number, rate, seconds) for number in range(1, options.parts + 1)
        ]
    return {"rate": rate, "records": records}


def _body(system: Secretary) -> dict[str, Any]:
    return {"job_type": system.job_type, "parameters": {"text": "a" * 50}}


def _burst_rate(system: Secretary, request: bytes) -> float:
    started = time.monotonic()
    done = asyncio.run(submit(system.url, request, BURST, connections=CONNECTIONS))
    system.await_end(done.job_ids)
    return BURST / (time.monotonic() - started)


def _part(system: Secretary, request: bytes, number: int, rate: float, seconds: float) -> Record:
    processes, jobs = system.processes(), max(1, int(rate * seconds))
    before, started = cpu.cpu_sec(processes), time.monotonic()
    done = asyncio.run(submit(system.url, request, jobs, connections=CONNECTIONS, per_sec=rate))
    system.await_end(done.job_ids[-CONNECTIONS:])
    took = time.monotonic() - started
    used = cpu.since(before, cpu.cpu_sec(processes))
    record: Record = {
        "part": number,
        "seconds": took,
        "jobs_per_sec": jobs / took,
        "end_ms": results.percentiles(_waits_ms(system, done)),
        "answer_ms": results.percentiles(done.answers_ms),
        "cpu_ms_per_job_sum": sum(used.values()) / jobs * 1000,
        "memory_mb": cpu.memory_mb(processes),
    }
    memory = ", ".join(f"{name} {mb:.0f}" for name, mb in record["memory_mb"].items())
    say(
        f"part {number:2}  {record['jobs_per_sec']:5.0f} jobs/s"
        f"  p99 {record['end_ms']['p99']:.0f} ms"
        f"  CPU {record['cpu_ms_per_job_sum']:.2f} ms a job  MB: {memory}"
    )
    return record


def _waits_ms(system: Secretary, done: Submitted) -> list[float]:
    """Return the milliseconds from request to end, of one job in twenty."""
    sent = dict(list(zip(done.job_ids, done.sent_at, strict=True))[::SAMPLE_EVERY])
    jobs = system.client[system.database]["jobs"]
    query = {"_id": {"$in": list(sent)}, "completed_at": {"$exists": True}}
    found = jobs.find(query, {"completed_at": 1})
    return [(one["completed_at"].timestamp() - sent[one["_id"]]) * 1000 for one in found]


def tables(found: Record) -> str:
    """Return the table of all parts, and what changed from the second part to the last."""
    names = list(found["records"][0]["memory_mb"])
    rows = [
        [
            str(one["part"]),
            f"{one['jobs_per_sec']:.0f}",
            f"{one['end_ms']['p50']:.0f}/{one['end_ms']['p99']:.0f}",
            f"{one['cpu_ms_per_job_sum']:.2f}",
            *(f"{one['memory_mb'][name]:.0f}" for name in names),
        ]
        for one in found["records"]
    ]
    head = ("part", "jobs/s", "end p50/p99 ms", "CPU ms a job", *(f"{name} MB" for name in names))
    return f"{results.table(head, rows)}\n\n{_changes(found['records'])}"


def _changes(records: list[Record]) -> str:
    early, late = records[min(1, len(records) - 1)], records[-1]
    share = late["jobs_per_sec"] / early["jobs_per_sec"]
    grown = {name: late["memory_mb"][name] - early["memory_mb"][name] for name in late["memory_mb"]}
    head = ("from part 2 to the last", "jobs/s", "end p99 ms", *(f"{name} MB" for name in grown))
    waits = f"{early['end_ms']['p99']:.0f} → {late['end_ms']['p99']:.0f}"
    row = ["", f"{share:.1%}", waits, *(f"{mb:+.1f}" for mb in grown.values())]
    return results.table(head, [row])


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    records = found["records"]
    minutes, total = [], 0.0
    for one in records:
        total += one["seconds"] / 60
        minutes.append(total)
    memory = {
        name: [(at, one["memory_mb"][name]) for at, one in zip(minutes, records, strict=True)]
        for name in records[0]["memory_mb"]
        if name in ("api", "worker")
    }
    rates = {
        "jobs/s": [(at, one["jobs_per_sec"]) for at, one in zip(minutes, records, strict=True)],
        "p99 ms": [(at, one["end_ms"]["p99"]) for at, one in zip(minutes, records, strict=True)],
    }
    return {
        "soak-memory": picture.lines("Memory at a steady rate", memory, x="minutes", y="MB"),
        "soak-rate": picture.lines("Rate and wait", rates, x="minutes", y="jobs/s, ms"),
    }
