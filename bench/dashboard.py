"""The requests of the dashboard as the collection of jobs grows, and what open dashboards cost.

A real process of the API answers. First one client asks for the overview and for lists of jobs, one
request after the other, without pauses: in a pause a virtual CPU falls asleep, and then a request
that does nothing takes 8 ms instead of 1. Then many dashboards stay open: each follows the stream
of all jobs and reads the overview every five seconds, as the page does. Their cost is measured on
an idle system, and as the difference that they make while jobs are submitted and run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import httpx
from harness import cpu, results
from harness.load import request_of, submit
from harness.many_jobs import documents, fill
from harness.results import Record
from harness.turns import alone, new_folder, say
from pymongo import MongoClient

from secretary_common.runtime.clock import SystemClock
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet

DATABASE = "bench"
EVERY_SEC = 5.0
PAGES: Mapping[str, str] = {
    "nothing": "/health/live",
    "overview": "/api/overview",
    "jobs": "/api/jobs/?limit=50",
    "failed jobs": "/api/jobs/?limit=50&status=failed",
    "waiting jobs of a type": "/api/jobs/?limit=50&status=pending&job_type=pdf",
    "jobs of a tag": "/api/jobs/?limit=50&tag=tag-70",
    "jobs of a user, completed": "/api/jobs/?limit=50&user_id=user-301&status=completed",
    "failed jobs of a type": "/api/jobs/?limit=50&status=failed&job_type=transformer",
    "failed jobs of a rare type": "/api/jobs/?limit=50&status=failed&job_type=rare",
    "jobs by a part of the id": "/api/jobs/?limit=50&id_contains=0000123",
    "stats": "/api/stats",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--dashboards", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30, help="how long the dashboards stay")
    parser.add_argument("--per-sec", type=float, default=20, help="jobs beside the dashboards")


def measure(options: argparse.Namespace) -> Record:
    """Measure each request, and the open dashboards, at each size."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # for the worker's handlers
    with alone(options.lock), new_folder() as folder, ReplicaSet(folder / "mongo") as mongo:
        return {"records": list(_sizes(options, folder, mongo.url))}


def _sizes(options: argparse.Namespace, folder: Path, url: str) -> list[Record]:
    found, filled, records = documents(SystemClock().now()), 0, []
    for size in options.sizes:
        with MongoClient[dict[str, Any]](url) as raw:
            fill(raw[DATABASE]["jobs"], found, size - filled)
            filled = size
        with Stack(
            folder / str(size),
            mongo_url=url,
            database=DATABASE,
            workers=1,
            notifiers=0,
            settings={"worker.handler_modules": ["bench_handlers"], "worker.job_types": ["bench"]},
        ) as stack:
            for name, path in PAGES.items():
                times, listed = _timed(stack, path, options.calls)
                ms = results.percentiles(times)
                records.append({"jobs": size, "page": name, "ms": ms, "listed": listed})
                say(f"{size} jobs  {name:26} p50 {ms['p50']:.1f}, p95 {ms['p95']:.1f} ms")
            for name, share in asyncio.run(_shares(stack, options)).items():
                records.append({"jobs": size, "page": name, "core_percent": share})
                say(f"{size} jobs  {name}: {share:.1f} % of a core")
    return records


async def _shares(stack: Stack, options: argparse.Namespace) -> Mapping[str, float]:
    """Return what the open dashboards cost the API, in percent of a core."""
    number, seconds, per_sec = options.dashboards, options.seconds, options.per_sec
    idle = await _open(stack, number, seconds)
    without = await _open(stack, 0, seconds, per_sec)
    both = await _open(stack, number, seconds, per_sec)
    shown = f"{number} open dashboards"
    return {shown: idle, f"{shown} beside {per_sec:.0f} jobs/s": both - without}


def _headers(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.keys.bootstrap}"}


def _timed(stack: Stack, path: str, calls: int) -> tuple[list[float], int | None]:
    """Return the milliseconds of each of *calls* requests, and how many jobs an answer lists.

    The first request warms up. None: the answer is no list.
    """
    times = []
    with httpx.Client(base_url=stack.url, headers=_headers(stack), timeout=60) as client:
        answer = client.get(path).raise_for_status()
        for _ in range(calls):
            started = time.monotonic()
            client.get(path).raise_for_status()
            times.append((time.monotonic() - started) * 1000)
    jobs = answer.json().get("data", {}).get("jobs")
    return times, None if jobs is None else len(jobs)


async def _open(stack: Stack, dashboards: int, seconds: float, per_sec: float = 0) -> float:
    """Keep *dashboards* open; return the API's share of a core in percent.

    *per_sec* jobs are submitted each second, and a worker runs them.
    """
    processes = {"api": [stack.api.child.pid]}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=stack.url, headers=_headers(stack), timeout=60, limits=limits
    ) as client:
        tasks = [
            asyncio.create_task(one(client, number / dashboards * EVERY_SEC))
            for number in range(dashboards)
            for one in (_follow, _look)
        ]
        if per_sec:
            request = request_of(stack.url, _headers(stack), {"job_type": "bench"})
            count = int(per_sec * (seconds + 3 * EVERY_SEC))
            load = submit(stack.url, request, count, connections=4, per_sec=per_sec)
            tasks.append(asyncio.create_task(_ignored(load)))
        await asyncio.sleep(2 * EVERY_SEC)  # all are open, and the history is complete
        before, started = cpu.cpu_sec(processes)["api"], time.monotonic()
        await asyncio.sleep(seconds)
        used, took = cpu.cpu_sec(processes)["api"] - before, time.monotonic() - started
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return used / took * 100


async def _ignored(work: Coroutine[Any, Any, object]) -> None:
    await work


async def _follow(client: httpx.AsyncClient, delay_sec: float) -> None:
    await asyncio.sleep(delay_sec)
    with contextlib.suppress(httpx.HTTPError):
        async with client.stream("GET", "/api/stream", timeout=None) as answer:
            async for _ in answer.aiter_bytes():
                pass


async def _look(client: httpx.AsyncClient, delay_sec: float) -> None:
    await asyncio.sleep(delay_sec)
    while True:
        (await client.get("/api/overview")).raise_for_status()
        await asyncio.sleep(EVERY_SEC)


def tables(found: Record) -> str:
    """Return the table of the results: p50/p95 at each size, or the share of a core."""
    sizes = sorted({record["jobs"] for record in found["records"]})
    rows = []
    for (page,), records in results.grouped(found["records"], "page").items():
        by_size = {record["jobs"]: record for record in records}
        cells = [_cell(by_size[size]) for size in sizes]
        rows.append([page, *cells])
    return results.table(("request", *(f"{size:,} jobs" for size in sizes)), rows)


def _cell(record: Record) -> str:
    if "core_percent" in record:
        return f"{record['core_percent']:.1f} % of a core"
    listed = f", {record['listed']} jobs" if record.get("listed") is not None else ""
    return f"{record['ms']['p50']:.1f}/{record['ms']['p95']:.1f} ms{listed}"


def pictures(_found: Record) -> dict[str, str]:
    """Return no picture: the table says it all."""
    return {}
