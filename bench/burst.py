"""Jobs a second, submits a second and CPU a job, for Secretary and its peers in turns.

A burst submits jobs as fast as the answers come; with ``--rate`` they come at a steady rate. Each
job reports one progress and one result. A burst ends when all jobs have completed. The CPU counts
from the first request to the last end.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any

from harness import cpu, picture, results
from harness.load import request_of, submit
from harness.peer import CeleryPrefork, CeleryThreads, Taskiq
from harness.procrastinate import Procrastinate
from harness.results import Record
from harness.secretary import Secretary
from harness.system import System
from harness.turns import MakeSystem, in_turns, running, say

from secretary_devstack.error import ServerMissing

WARM_UP = 200
MOST_PARTS, MOST_THREADS = 6, 3
SYSTEMS: dict[str, Any] = {
    "secretary": Secretary,
    "celery-threads": CeleryThreads,
    "celery-prefork": CeleryPrefork,
    "taskiq": Taskiq,
    "procrastinate": Procrastinate,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="e.g. 1 2 4")
    parser.add_argument("--slots", type=int, default=32, help="of all workers together")
    parser.add_argument("--slots-each", type=int, help="of each worker, instead of --slots")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--wait-ms", type=int, default=0, help="how long each handler waits")
    parser.add_argument("--rate", type=float, help="jobs a second, in place of a burst")
    parser.add_argument("--driver", nargs="+", default=[], help="Secretary's MongoDB drivers")


def variants(options: argparse.Namespace) -> dict[str, tuple[Record, MakeSystem]]:
    """Return what is measured in each turn: its names and how it is made."""
    found: dict[str, tuple[Record, MakeSystem]] = {}
    for name in options.systems:
        for workers in options.workers:
            slots = options.slots_each * workers if options.slots_each else options.slots
            make = functools.partial(SYSTEMS[name], workers=workers, slots=slots)
            for driver in options.driver if name == "secretary" and options.driver else [""]:
                settings = {"settings": {"mongo.driver": driver}} if driver else {}
                system = f"{name} ({driver})" if driver else name
                names = {"system": system, "workers": workers}
                found[f"{system} x{workers}"] = (names, functools.partial(make, **settings))
    return found


def measure(options: argparse.Namespace) -> Record:
    """Measure all systems in turns."""
    chosen, records = variants(options), []
    for turn, name in in_turns(list(chosen), options.turns):
        names, make = chosen[name]
        try:
            with running(make, lock=options.lock) as system:
                record = {**names, "turn": turn, **burst(system, options, count_messages=turn == 1)}
        except ServerMissing as error:
            say(f"turn {turn}  {name} is left out: {error}")
            continue
        records.append(record)
        say(f"turn {turn}  {_line(name, record)}")
    return {"records": records}


def burst(system: System, options: argparse.Namespace, *, count_messages: bool) -> Record:
    """Measure one burst on a running system."""
    parameters = {"text": "a" * 50, "wait_ms": options.wait_ms}
    body = {"job_type": system.job_type, "parameters": parameters}
    request = request_of(system.url, system.headers, body)
    warm = asyncio.run(submit(system.url, request, WARM_UP, connections=options.connections))
    system.await_end(warm.job_ids)
    processes, commands = system.processes(), system.commands()
    threads, before, own = cpu.thread_sec(processes), cpu.cpu_sec(processes), time.process_time()
    started = time.monotonic()
    load = submit(
        system.url, request, options.jobs, connections=options.connections, per_sec=options.rate
    )
    done = asyncio.run(load)
    system.await_end(done.job_ids)
    took = time.monotonic() - started
    used = cpu.since(before, cpu.cpu_sec(processes))
    by_thread = cpu.since(threads, cpu.thread_sec(processes))
    own = time.process_time() - own
    made = cpu.since(commands, system.commands())
    jobs = options.jobs
    return {
        "jobs": jobs,
        "submits_per_sec": jobs / done.seconds,
        "jobs_per_sec": jobs / took,
        "answer_ms": results.percentiles(done.answers_ms),
        "cpu_ms_per_job": {name: sec / jobs * 1000 for name, sec in used.items()},
        "cpu_ms_per_job_sum": sum(used.values()) / jobs * 1000,
        "load_cpu_ms_per_job": own / jobs * 1000,
        "thread_ms_per_job": _noticeable({n: s / jobs * 1000 for n, s in by_thread.items()}, 0.01),
        "commands_per_job": _noticeable({n: count / jobs for n, count in made.items()}, 0.005),
        "messages_per_job": (
            _noticeable({n: c / (jobs + WARM_UP) for n, c in system.messages().items()}, 0.005)
            if count_messages
            else {}
        ),
        "memory_mb": cpu.memory_mb(processes),
    }


def _noticeable(values: dict[str, float], least: float) -> dict[str, float]:
    return {name: value for name, value in values.items() if value >= least}


def _line(name: str, record: Record) -> str:
    parts = ", ".join(f"{part} {ms:.2f}" for part, ms in record["cpu_ms_per_job"].items())
    load = f"load generator {record['load_cpu_ms_per_job']:.2f}"
    return (
        f"{name:24} {record['jobs_per_sec']:5.0f} jobs/s"
        f"  {record['submits_per_sec']:5.0f} submits/s"
        f"  CPU {record['cpu_ms_per_job_sum']:.2f} ms a job ({parts}; {load})"
    )


def tables(found: Record) -> str:
    """Return narrow tables: rates with CPU, then what a job costs in detail."""
    groups = results.grouped(found["records"], "system", "workers")
    rows = [_row(names, records) for names, records in groups.items()]
    head = ("system", "workers", "jobs/s", "submits/s", "CPU ms a job", "answer p50/p99 ms")
    messages = {names: records[:1] for names, records in groups.items()}  # only turn 1 has them
    return "\n\n".join(
        [
            results.table(head, rows),
            _details("CPU ms a job", groups, "cpu_ms_per_job"),
            _details("MongoDB commands a job", groups, "commands_per_job", digits=3),
            _details("broker messages a job", messages, "messages_per_job", _MESSAGES),
            _largest_threads(groups),
        ]
    )


Groups = Mapping[tuple[Any, ...], list[Record]]

_MESSAGES = {
    "messages_received_total": "published",
    "messages_delivered_total": "delivered",
    "messages_acknowledged_total": "acknowledged",
}


def _row(names: Sequence[Any], records: list[Record]) -> list[str]:
    answers = (results.median(records, "answer_ms", part) for part in ("p50", "p99"))
    return [
        *map(str, names),
        results.spread(records, "jobs_per_sec"),
        results.spread(records, "submits_per_sec"),
        results.spread(records, "cpu_ms_per_job_sum", digits=2),
        "/".join(f"{found:.0f}" for found in answers),
    ]


def _details(
    title: str,
    groups: Groups,
    key: str,
    chosen: Mapping[str, str] | None = None,
    *,
    digits: int = 2,
) -> str:
    """Return a table with a column for each part of a cost; *chosen* gives the parts and names."""
    parts = chosen or {part: part for part in _largest(groups, key)}
    rows = [
        [*map(str, names), *(_cell(records, key, part, digits) for part in parts)]
        for names, records in groups.items()
    ]
    return results.table((title, "workers", *parts.values()), rows)


def _largest(groups: Groups, key: str) -> list[str]:
    """Return the names of the largest parts over all *groups*, the largest first."""
    most: dict[str, float] = {}
    for records in groups.values():
        for part in {part for record in records for part in record[key]}:
            most[part] = max(most.get(part, 0.0), results.median(records, key, part))
    return sorted(most, key=lambda part: -most[part])[:MOST_PARTS]


def _cell(records: list[Record], key: str, part: str, digits: int) -> str:
    found = results.values_of(records, key, part)
    return f"{results.median(records, key, part):.{digits}f}" if found else ""


def _largest_threads(groups: Groups) -> str:
    """Return a table of the threads of each system that use most CPU time."""
    key = "thread_ms_per_job"
    rows = [
        [*map(str, names), part, _cell(records, key, part, 2)]
        for names, records in groups.items()
        for part in _largest({names: records}, key)[:MOST_THREADS]
    ]
    return results.table(("system", "workers", "thread", "CPU ms a job"), rows)


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    groups = results.grouped(found["records"], "system", "workers")
    several = len({workers for _, workers in groups}) > 1
    rates: dict[str, dict[str, float]] = {}
    costs: dict[str, dict[str, float]] = {}
    for (system, workers), records in groups.items():
        label = f"{system}, {workers} workers" if several else system
        rates[label] = {
            "submits/s": results.median(records, "submits_per_sec"),
            "jobs/s": results.median(records, "jobs_per_sec"),
        }
        costs[label] = {
            part: results.median(records, "cpu_ms_per_job", part)
            for part in sorted(records[0]["cpu_ms_per_job"])
        }
    return {
        "burst-rates": picture.bars("Submits and jobs a second", rates, unit="/s"),
        "burst-cpu": picture.bars("CPU of a job, by process", costs, unit=" ms", stacked=True),
    }
