"""Jobs a second, and how long a job waits for its start, with the whole system and real servers.

make bench

It prints one line for each setup. First: how long a job waits between acceptance and start, one job
at a time on an idle system. Second: how many jobs a second a backlog completes, from the first
submission to the last end. Compare only lines of one run; absolute numbers depend on the machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import aiohttp

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Servers, Stack

SINGLES = 100
SINGLES_POLLED = 10  # each waits half of poll_interval_sec
BACKLOG = 1000
IN_FLIGHT = 16
HERE = Path(__file__).parent


def waits_ms(client: JobClient, count: int) -> list[float]:
    """Run *count* jobs one by one; return the milliseconds from acceptance to start, sorted."""
    waits = []
    for _ in range(count):
        job = client.wait(client.submit("noop", {}), timeout_sec=30)
        start, created = job["processing_started_at"], job["created_at"]
        waits.append((_seconds(start) - _seconds(created)) * 1000)
    return sorted(waits)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


async def submit_backlog(stack: Stack) -> float:
    """Submit the backlog over several connections; return the seconds that took."""
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    body = {"job_type": "noop", "parameters": {}}
    started = time.monotonic()
    # Not httpx: with many requests in flight its pool is slower than the API.
    async with aiohttp.ClientSession(stack.url, headers=headers) as client:

        async def submit(count: int) -> None:
            for _ in range(count):
                async with client.post("/api/jobs/", json=body) as response:
                    response.raise_for_status()

        await asyncio.gather(*(submit(BACKLOG // IN_FLIGHT) for _ in range(IN_FLIGHT)))
    return time.monotonic() - started


def settled(stack: Stack) -> int:
    """Return how many jobs have ended, by the workers' logs."""
    return sum(worker.log.read_text().count(" job.settled ") for worker in stack.workers)


def measure(folder: Path, servers: Servers, *, workers: int, broker: bool) -> str:
    """Measure one setup; return its line."""
    stack = Stack(
        folder,
        mongo_url=servers.mongo.url,
        amqp_url=servers.amqp_url if broker else "",
        database=folder.name,
        workers=workers,
        settings={
            "worker.handler_modules": ["bench_handlers"],
            "generic_worker.max_concurrent": 8,
        },
    )
    with stack, stack.client() as client:
        singles = waits_ms(client, SINGLES if broker else SINGLES_POLLED)
        before, started = settled(stack), time.monotonic()
        submitting = asyncio.run(submit_backlog(stack))
        wanted = before + BACKLOG // IN_FLIGHT * IN_FLIGHT
        while settled(stack) < wanted:
            time.sleep(0.02)
        took = time.monotonic() - started
    p50, p95 = statistics.median(singles), singles[int(len(singles) * 0.95)]
    return (
        f"{'broker' if broker else 'polling':8} workers={workers}  "
        f"start after p50 {p50:.0f} ms, p95 {p95:.0f} ms  "
        f"accepted {BACKLOG / submitting:.0f}/s  done {BACKLOG / took:.0f} jobs/s"
    )


def main() -> None:
    """Measure all setups and print their lines."""
    os.environ["PYTHONPATH"] = str(HERE)
    with tempfile.TemporaryDirectory(prefix="secretary-bench-") as name:
        root = Path(name)
        with Servers(root / "servers") as servers:
            print(servers.versions(), flush=True)
            for broker, workers in [(True, 1), (True, 2), (False, 1)]:
                folder = root / f"bench_{workers}_{'broker' if broker else 'polling'}"
                print(measure(folder, servers, workers=workers, broker=broker), flush=True)


if __name__ == "__main__":
    main()
