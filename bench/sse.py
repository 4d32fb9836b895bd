"""Many clients that follow one job each: how late they see its end, what a stream costs the API.

The jobs start together some seconds after their submission, so that every stream is open before.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from harness import cpu, picture, results
from harness.load import request_of, submit
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import running, say

END = b"event: completed"
STREAM_SEC = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 100, 400])
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--delay-sec", type=float, default=6, help="until the jobs start")


def measure(options: argparse.Namespace) -> Record:
    """Measure each number of streams in each turn."""
    records = []
    for turn in range(1, options.turns + 1):
        with running(Secretary, lock=options.lock) as system:
            for streams in options.streams:
                record = {"turn": turn, **_follow(system, streams, options.delay_sec)}
                records.append(record)
                say(
                    f"turn {turn}  {streams:4} streams  late by p50 {record['late_ms']['p50']:.0f}"
                    f", p99 {record['late_ms']['p99']:.0f} ms"
                    f"  API {record['api_cpu_ms']:.1f} ms a stream"
                )
    return {"records": records}


def _follow(system: Secretary, streams: int, delay_sec: float) -> Record:
    body = {"job_type": system.job_type, "parameters": {}, "delay_sec": delay_sec}
    request = request_of(system.url, system.headers, body)
    done = asyncio.run(submit(system.url, request, streams, connections=8))
    processes = {"api": system.processes()["api"]}
    before, started = cpu.cpu_sec(processes)["api"], time.monotonic()
    seen = asyncio.run(_read_all(system, done.job_ids))
    took = time.monotonic() - started
    used = cpu.cpu_sec(processes)["api"] - before
    jobs = system.client[system.database]["jobs"]
    ends: dict[str, datetime] = {
        one["_id"]: one["completed_at"]
        for one in jobs.find({"_id": {"$in": done.job_ids}}, {"completed_at": 1})
    }
    late = [(at - ends[job_id].timestamp()) * 1000 for job_id, at in seen.items()]
    return {
        "streams": streams,
        "seconds": took,
        "late_ms": results.percentiles(late),
        "api_cpu_ms": used / streams * 1000,
        "memory_mb": cpu.memory_mb(processes)["api"],
    }


async def _read_all(system: Secretary, job_ids: list[str]) -> dict[str, float]:
    """Open a stream for each job; return the Unix time at which each end was read."""
    seen: dict[str, float] = {}

    async def read(job_id: str) -> None:
        seen[job_id] = await _end_of(system, job_id)

    async with asyncio.timeout(STREAM_SEC):
        await asyncio.gather(*(read(job_id) for job_id in job_ids))
    return seen


async def _end_of(system: Secretary, job_id: str) -> float:
    at = urlsplit(system.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    headers: dict[str, Any] = {"Host": at.netloc, "Accept": "text/event-stream", **system.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET /api/jobs/{job_id}/stream HTTP/1.1\r\n{lines}\r\n".encode())
    received = b""
    while END not in received:
        data = await reader.read(65536)
        if not data:
            raise ConnectionError(f"the stream ended early: {received[-500:]!r}")
        received += data
    writer.close()
    return time.time()


def tables(found: Record) -> str:
    """Return the table of the results."""
    rows = []
    for (streams,), records in results.grouped(found["records"], "streams").items():
        late = (results.median(records, "late_ms", part) for part in ("p50", "p99"))
        cost = results.spread(records, "api_cpu_ms", digits=1)
        memory = results.spread(records, "memory_mb")
        rows.append([str(streams), "/".join(f"{ms:.0f}" for ms in late), cost, memory])
    head = ("streams", "late by p50/p99 ms", "API's CPU ms a stream", "API MB")
    return results.table(head, rows)


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    groups = {
        f"{streams} streams": {
            part: results.median(records, "late_ms", part) for part in ("p50", "p99")
        }
        for (streams,), records in results.grouped(found["records"], "streams").items()
    }
    return {"sse": picture.bars("From a job's end to the client's event", groups, unit=" ms")}
