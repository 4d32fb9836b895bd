"""Do submits, claims and listings become slower as the collection of jobs grows?

Systems with collections of different sizes run at the same time, on one MongoDB and one broker.
Each call is made to all of them, one after the other, so that other work on the machine delays all
of them alike. The jobs of the past: most have ended, one of forty is due or scheduled, a few run.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from harness import picture, results
from harness.grown import JOB_TYPE, GrownServers, GrownSystem, Timed
from harness.load import request_of, submit
from harness.results import Record
from harness.turns import alone, new_folder, say

WARM_UP = 10
BURST = 500
CONNECTIONS = 16
MOST = 1.3
"""The p95 with the most jobs may be this many times the p95 with the fewest."""
SUBMISSION = {"job_type": JOB_TYPE, "parameters": {"text": "a" * 50}}

Call = Callable[[GrownSystem, int], Timed]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--calls", type=int, default=200, help="of each kind, at each size")
    parser.add_argument("--bursts", type=int, default=3)


def measure(options: argparse.Namespace) -> Record:
    """Fill all collections, then make every call at each size in turns."""
    with ExitStack() as stack:
        folder = stack.enter_context(new_folder())
        servers = stack.enter_context(GrownServers(folder))
        systems = [
            stack.enter_context(GrownSystem(folder, servers, size)) for size in options.sizes
        ]
        stack.enter_context(alone(options.lock))
        records = _jobs_one_by_one(systems, options.calls)
        for name, call in _reads().items():
            records += _in_turns(systems, name, call, options.calls)
        for number in range(options.bursts):
            records += [_burst(system, number) for system in _ordered(systems, number)]
    return {"records": records}


def _ordered(systems: Sequence[GrownSystem], number: int) -> Sequence[GrownSystem]:
    return systems if number % 2 else list(reversed(systems))


def _in_turns(systems: Sequence[GrownSystem], name: str, call: Call, count: int) -> list[Record]:
    """Make *call* *count* times to each system."""
    times: dict[int, list[float]] = {system.size: [] for system in systems}
    for number in range(count + WARM_UP):
        for system in _ordered(systems, number):
            times[system.size].append(call(system, number)[0])
    return [_record(name, size, found[WARM_UP:]) for size, found in times.items()]


def _record(name: str, size: int, found: list[float]) -> Record:
    record: Record = {"what": name, "jobs": size, "ms": results.percentiles(found)}
    say(f"{name:24} {size:9} jobs  p50 {record['ms']['p50']:.1f}  p95 {record['ms']['p95']:.1f} ms")
    return record


def _jobs_one_by_one(systems: Sequence[GrownSystem], count: int) -> list[Record]:
    """Submit jobs one by one; measure the answer and the wait until the worker has the job."""
    submits: dict[int, list[float]] = {system.size: [] for system in systems}
    claims: dict[int, list[float]] = {system.size: [] for system in systems}
    for number in range(count + WARM_UP):
        for system in _ordered(systems, number):
            took_ms, data = system.call("POST", "/api/jobs/", SUBMISSION)
            submits[system.size].append(took_ms)
            claims[system.size] += system.await_end([data["job_id"]])
    return [
        _record(name, size, found[WARM_UP:])
        for name, times in (("submit", submits), ("claim", claims))
        for size, found in times.items()
    ]


def _burst(system: GrownSystem, number: int) -> Record:
    """Submit many jobs at once; measure how many a second the worker ends."""
    request = request_of(system.url, system.headers(), SUBMISSION)
    started = time.monotonic()
    done = asyncio.run(submit(system.url, request, BURST, connections=CONNECTIONS))
    waits = system.await_end(done.job_ids)
    rate = BURST / (time.monotonic() - started)
    say(f"burst {number + 1}  {system.size:9} jobs  {rate:.0f} jobs/s")
    return {
        "what": "burst",
        "jobs": system.size,
        "per_sec": rate,
        "submits_per_sec": BURST / done.seconds,
        "ms": results.percentiles(waits),
    }


def _reads() -> dict[str, Call]:
    """Return the calls that change nothing. The number of a call varies what it asks for."""
    lists = "/api/jobs/?limit=50"

    def get(path: str, *, admin: bool = False, vary: int = 1, step: int = 1) -> Call:
        return lambda system, n: system.call("GET", path.format(n % vary * step), admin=admin)

    return {
        "list": get(lists),
        "list, all keys": get(lists, admin=True),
        "list waiting": get(f"{lists}&status=pending"),
        "list running": get(f"{lists}&status=processing"),
        "list failed": get(f"{lists}&status=failed"),
        "list failed, all keys": get(f"{lists}&status=failed", admin=True),
        "list of a type": get(f"{lists}&job_type=session"),
        "list of a rare type": get(f"{lists}&job_type=rare"),
        "list of a tag": get(f"{lists}&tag=tag-{{}}", vary=20, step=10),
        "list of a user": get(f"{lists}&user_id=user-{{}}1", vary=100),
        "second page": _second_page,
        "get a job": get("/api/jobs/job-{:09}", admin=True, vary=97, step=10),
        "list of a batch": get(f"{lists}&batch_id=batch-{{}}", admin=True, vary=10, step=10),
        "stats": get("/api/stats"),
        "stats, all keys": get("/api/stats", admin=True),
        "job types": get("/api/job-types", admin=True),
        "deliveries": get("/api/deliveries?limit=50", admin=True),
    }


def _second_page(system: GrownSystem, _number: int) -> Timed:
    _took_ms, first = system.call("GET", "/api/jobs/?limit=50")
    return system.call("GET", f"/api/jobs/?limit=50&cursor={first['next']}")


def tables(found: Record) -> str:
    """Return the table of all calls, and the table of bursts."""
    calls = [record for record in found["records"] if record["what"] != "burst"]
    bursts = [record for record in found["records"] if record["what"] == "burst"]
    sizes = sorted({record["jobs"] for record in calls})
    rows = [
        _row(str(what), {record["jobs"]: record["ms"] for record in records}, sizes)
        for (what,), records in results.grouped(calls, "what").items()
    ]
    head = ("p50/p95 ms with jobs:", *(f"{size:,}" for size in sizes), "p50 ratio", "p95 ratio")
    rates = [
        [
            f"{number:,}",
            results.spread(of_size, "per_sec"),
            results.spread(of_size, "submits_per_sec"),
        ]
        for (number,), of_size in sorted(results.grouped(bursts, "jobs").items())
    ]
    of_bursts = results.table(("burst, with jobs", "jobs/s", "submits/s"), rates)
    return f"{results.table(head, rows)}\n\n{of_bursts}"


def _row(what: str, by_size: dict[int, dict[str, float]], sizes: Sequence[int]) -> list[str]:
    first, last = by_size[sizes[0]], by_size[sizes[-1]]
    times = [f"{by_size[size]['p50']:.1f}/{by_size[size]['p95']:.1f}" for size in sizes]
    ratios = [last[part] / first[part] for part in ("p50", "p95")]
    late = " !" if ratios[-1] > MOST else ""
    return [what, *times, f"{ratios[0]:.2f}", f"{ratios[1]:.2f}{late}"]


def pictures(found: Record) -> dict[str, str]:
    """Return bars of the p95 of submits, claims and listings at each size."""
    shown = ("submit", "claim", "list", "list failed", "list of a type", "stats")
    groups: dict[str, dict[str, float]] = {
        str(what): {f"{one['jobs']:,} jobs": one["ms"]["p95"] for one in records}
        for (what,), records in results.grouped(found["records"], "what").items()
        if what in shown
    }
    return {"growth": picture.bars("p95 as the collection grows", groups, unit=" ms")}
