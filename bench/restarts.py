"""Many open streams while the broker and the API restart: is the end of any job missed?

Jobs are submitted at a steady rate, each to start some seconds later, so that as many streams of
single jobs are open all the time. Some more clients follow all jobs over one stream each. Once the
first jobs start, the broker restarts after a third of the time, and the API after two thirds;
jobs are submitted until both have come back.
Clients connect again and name the last event that they got, as every browser does.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import functools
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from harness import cpu, results
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import running, say

PARTS = ("before", "broker restarts", "API restarts")
RETRY_SEC = 2.0
GRACE_SEC = 60.0
"""After the last submission, all ends must have arrived within this time and the jobs' delay."""
_ID = re.compile(rb"^id: (\S+)$", re.MULTILINE)
_END = re.compile(rb"^event: (?:completed|failed|cancelled)$", re.MULTILINE)
_ENDED = re.compile(
    rb'^event: (?:completed|failed|cancelled)\ndata: [^\n]*?"job_id":"([^"]+)"', re.MULTILINE
)
_KEPT_BYTES = 64 * 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--streams", type=int, default=1000, help="open at the same time")
    parser.add_argument("--followers", type=int, default=5, help="clients that follow all jobs")
    parser.add_argument("--per-sec", type=float, default=50, help="jobs")
    parser.add_argument("--seconds", type=float, default=60, help="beside the restarts")


def measure(options: argparse.Namespace) -> Record:
    """Measure once; the records are the parts of the time."""
    with running(functools.partial(Secretary, slots=64), lock=options.lock) as system:
        return {"records": asyncio.run(_Run(system, options).records())}


@dataclass
class _Run:
    system: Secretary
    options: argparse.Namespace
    seen: dict[str, float] = field(default_factory=dict)
    """The Unix time at which the stream of each job showed its end."""
    seen_by_follower: list[set[str]] = field(default_factory=list)
    reconnections: int = 0
    part_at: list[float] = field(default_factory=list)
    """The Unix times at which the parts begin."""
    memory_mb: list[float] = field(default_factory=list)
    cpu_sec: list[float] = field(default_factory=list)

    async def records(self) -> list[Record]:
        self.seen_by_follower = [set() for _ in range(self.options.followers)]
        followers = [asyncio.create_task(self._follow_all(one)) for one in self.seen_by_follower]
        disturbing = asyncio.create_task(self._disturb())
        started = time.time()
        async with httpx.AsyncClient(
            base_url=self.system.url, headers=self.system.headers, timeout=10
        ) as client:
            readers: list[asyncio.Task[None]] = []
            while not disturbing.done():  # a restart may take long
                number = len(readers)
                readers.append(asyncio.create_task(self._job(client, number)))
                due = started + (number + 1) / self.options.per_sec
                await asyncio.sleep(max(0.0, due - time.time()))
            await disturbing
            await asyncio.wait(readers, timeout=self._delay_sec + GRACE_SEC)
            ends = await asyncio.to_thread(self._ends)
            await self._await_followers(set(ends))
            for task in [*readers, *followers]:
                task.cancel()
            await asyncio.gather(*readers, *followers, return_exceptions=True)
        return self._parts(ends)

    @property
    def _delay_sec(self) -> float:
        """The time until a job starts, so that the wanted number of streams is open."""
        return float(self.options.streams / self.options.per_sec)

    async def _job(self, client: httpx.AsyncClient, number: int) -> None:
        """Submit a job, and follow it to its end."""
        asked = {"job_type": self.system.job_type, "delay_sec": self._delay_sec}
        headers = {"Idempotency-Key": f"restarts-{number}"}
        await self._follow(await self._accepted(client, asked, headers))

    async def _accepted(
        self, client: httpx.AsyncClient, asked: Mapping[str, Any], headers: dict[str, str]
    ) -> str:
        """Submit a job; it is sent again under its key until the API accepts it."""
        while True:
            try:
                answer = await client.post("/api/jobs/", json=asked, headers=headers)
                if answer.is_success:
                    return str(answer.json()["data"]["job_id"])
            except httpx.HTTPError:
                pass  # it is sent again below
            await asyncio.sleep(0.2)

    async def _disturb(self) -> None:
        """Restart the broker and the API, each after a third of the time."""
        stack, broker = self.system.stack, self.system.servers.broker
        if stack is None or broker is None:
            raise RuntimeError("the system was not started")
        third = self.options.seconds / 3
        await asyncio.sleep(self._delay_sec)  # now the first jobs start, and all streams are open
        for restarts in (None, broker, stack.api):
            self.part_at.append(time.time())
            if restarts:
                await asyncio.to_thread(restarts.stop)
                await asyncio.to_thread(restarts.start)
            before = self._api_cpu_sec()
            await asyncio.sleep(third)
            self.cpu_sec.append(self._api_cpu_sec() - before)
            self.memory_mb.append(cpu.memory_mb({"api": self.system.processes()["api"]})["api"])
            say(f"{len(self.seen)} ends seen, {self.reconnections} reconnections")

    def _api_cpu_sec(self) -> float:
        return cpu.cpu_sec({"api": self.system.processes()["api"]})["api"]

    async def _follow(self, job_id: str) -> None:
        last = ""
        while job_id not in self.seen:
            received = b""
            async for data in self._read(f"/api/jobs/{job_id}/stream", last):
                received += data
                if _END.search(received):
                    self.seen[job_id] = time.time()
                    return
            last = _last_id(received) or last
            await asyncio.sleep(RETRY_SEC)

    async def _follow_all(self, seen: set[str]) -> None:
        last = ""
        while True:
            received = b""
            async for data in self._read("/api/stream", last):
                received = received[-_KEPT_BYTES:] + data
                seen.update(one.decode() for one in _ENDED.findall(received))
            last = _last_id(received) or last
            await asyncio.sleep(RETRY_SEC)

    async def _read(self, path: str, last: str) -> AsyncIterator[bytes]:
        """Yield what a stream brings until its connection ends, without the sizes of its chunks."""
        at = urlsplit(self.system.url)
        headers = {"Host": at.netloc, "Accept": "text/event-stream", **self.system.headers}
        headers |= {"Last-Event-ID": last} if last else {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        try:
            reader, writer = await asyncio.open_connection(at.hostname, at.port)
        except OSError:
            return
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            while size := int(await reader.readuntil(b"\r\n"), 16):
                yield (await reader.readexactly(size + 2))[:-2]
        except (OSError, EOFError, ValueError):
            self.reconnections += 1
        finally:
            writer.close()

    def _ends(self) -> dict[str, datetime]:
        jobs = self.system.client[self.system.database]["jobs"]
        found = jobs.find({"completed_at": {"$exists": True}}, {"completed_at": 1})
        return {one["_id"]: one["completed_at"] for one in found}

    async def _await_followers(self, ended: set[str]) -> None:
        for _ in range(int(GRACE_SEC / RETRY_SEC)):
            if all(ended <= seen for seen in self.seen_by_follower):
                return
            await asyncio.sleep(RETRY_SEC)

    def _parts(self, ends: Mapping[str, datetime]) -> list[Record]:
        """Return a record of each part of the time; the jobs of a part ended in it."""
        third = self.options.seconds / 3
        grouped: list[dict[str, datetime]] = [{} for _ in PARTS]
        for job_id, at in ends.items():
            part = bisect.bisect(self.part_at, at.timestamp()) - 1
            grouped[max(part, 0)][job_id] = at
        return [
            {
                "part": name,
                "jobs": len(theirs),
                "missed": len(theirs.keys() - self.seen.keys()),
                "missed_by_followers": sum(
                    len(theirs.keys() - one) for one in self.seen_by_follower
                ),
                "reconnections": self.reconnections,
                "late_ms": _late_ms(self.seen, theirs),
                "api_mb": memory_mb,
                "api_core_percent": used / third * 100,
            }
            for name, theirs, memory_mb, used in zip(
                PARTS, grouped, self.memory_mb, self.cpu_sec, strict=True
            )
        ]


def _last_id(received: bytes) -> str:
    found = _ID.findall(received)
    return found[-1].decode() if found else ""


def _late_ms(seen: Mapping[str, float], ends: Mapping[str, datetime]) -> dict[str, float]:
    late = [(seen[one] - at.timestamp()) * 1000 for one, at in ends.items() if one in seen]
    return results.percentiles(late or [0.0])


def tables(found: Record) -> str:
    """Return the table of the results."""
    records: Sequence[Record] = found["records"]
    rows = [
        [
            one["part"],
            str(one["jobs"]),
            str(one["missed"]),
            str(one["missed_by_followers"]),
            "/".join(f"{one['late_ms'][part]:.0f}" for part in ("p50", "p99")),
            f"{one['api_mb']:.0f}",
            f"{one['api_core_percent']:.0f} %",
        ]
        for one in records
    ]
    head = ("time", "ends", "missed", "missed of all jobs", "late by p50/p99 ms", "API MB", "API")
    reconnections = records[-1]["reconnections"]
    return f"{results.table(head, rows)}\n\nReconnections: {reconnections:,}."


def pictures(_found: Record) -> dict[str, str]:
    """Return no picture: the table says it all."""
    return {}
