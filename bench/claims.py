"""Claims a second by polling, on a fresh collection and on one that 200,000 jobs have passed.

.venv/bin/python bench/claims.py

MongoDB keeps deleted index entries for 300 s (minSnapshotHistoryWindowInSeconds). When jobs come
and go, the head of an index fills with such entries, and every search for the first job skips them.
The bench measures both collections in turn, with as many workers as the line says. Each worker
claims as the engine does: it reads a batch of candidates, then claims by id, eight jobs at a time
or one. For comparison it measures the naive way too: one find_one_and_update with a sort. Compare
only figures of one run.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from pymongo import ASCENDING, DESCENDING, IndexModel

from secretary_common.jobs import transition
from secretary_common.models import (
    Candidate,
    Job,
    Lease,
    Outcome,
    Settlement,
    new_job_id,
    new_token,
)
from secretary_common.mongo import indexes
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.jobs.document import MAY_START, PENDING, to_document, update_of
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.runtime.clock import SystemClock
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_worker.engine.line.candidates import Candidates
from secretary_worker.engine.line.running_limits import RunningLimits

PASSED = 200_000
GROUP_SIZE = 1_000
BACKLOG = 3_000
KEYS = 4
ROUND_SEC = 2.0
ROUNDS = 3
POLLS = 15
WORKERS = (1, 2, 4)
SLOTS = 8
TYPE = "noop"
CLOCK = SystemClock()
NAIVE_ORDER = [("priority", DESCENDING), ("run_at", ASCENDING)]
NAIVE_INDEX = IndexModel(
    [("job_type", ASCENDING), *NAIVE_ORDER],
    name="naive",
    partialFilterExpression={"status": PENDING},
)

Claimer = Callable[[], Awaitable[int]]
"""Makes one claim; returns how many jobs it got."""


def make_job(number: int) -> Job:
    """Return a job of one of a few API keys, due now."""
    now = CLOCK.now()
    return Job(
        job_id=new_job_id(),
        job_type=TYPE,
        owner=f"key-{number % KEYS}",
        parameters={"filename": "a" * 50},
        run_at=now,
        created_at=now,
        updated_at=now,
    )


def make_lease() -> Lease:
    """Return a lease like a worker's."""
    return Lease(owner="bench", token=new_token(), expires_at=CLOCK.now() + timedelta(seconds=30))


async def fill(jobs: Collection, count: int) -> list[str]:
    """Insert *count* jobs; return their ids."""
    ids = []
    for start in range(0, count, GROUP_SIZE):
        made = [
            to_document(make_job(number)) for number in range(start, min(count, start + GROUP_SIZE))
        ]
        await jobs.insert_many(made)
        ids += [document["_id"] for document in made]
    return ids


async def consume(jobs: Collection, ids: list[str]) -> None:
    """Claim and settle the jobs in the order of insertion, with the repository's own updates."""
    like = make_job(0)
    for start in range(0, len(ids), GROUP_SIZE):
        group = {"_id": {"$in": ids[start : start + GROUP_SIZE]}}
        lease, now = make_lease(), CLOCK.now()
        end = Settlement(outcome=Outcome.COMPLETED, at=now, seq=2)
        await jobs.update_many(group, update_of(transition.claimed(lease, now)))
        await jobs.update_many(group, update_of(transition.settled(like, lease.token, end)))


async def top_up(jobs: Collection) -> None:
    """Insert jobs until the backlog has its size again."""
    waiting = await jobs.count({"status": PENDING, "job_type": TYPE})
    await fill(jobs, BACKLOG - waiting)


def ignore(_: Candidate) -> None:
    """Set no timer."""


def candidates_of(repository: MongoJobRepository) -> Candidates:
    """Return the candidates of one worker; no API key has limits."""
    limits = RunningLimits(InMemoryKeyRepository(), repository)
    return Candidates(repository, limits, on_scheduled=ignore)


def by_polling(jobs: Collection, batch: int = SLOTS) -> Claimer:
    """Return a claimer that works like a worker with *batch* free slots."""
    repository = MongoJobRepository(jobs)
    candidates = candidates_of(repository)

    async def claim() -> int:
        if not await candidates.refresh({TYPE}, CLOCK.now()):
            return 0
        ids = [candidate.job_id for candidate in candidates.take(batch)]
        jobs = await repository.claim_many(ids, make_lease(), CLOCK.now(), {TYPE})
        candidates.end_race(lost=len(jobs) < len(ids))
        return len(jobs)

    return claim


def by_sorting(jobs: Collection) -> Claimer:
    """Return a claimer that works in the naive way."""

    async def claim() -> int:
        now = CLOCK.now()
        query = {"status": PENDING, "job_type": TYPE, "run_at": {"$lte": now}, **MAY_START}
        change = update_of(transition.claimed(make_lease(), now))
        return int(await jobs.find_one_and_update(query, change, sort=NAIVE_ORDER) is not None)

    return claim


WAYS: dict[str, Callable[[Collection], Claimer]] = {
    "batches": by_polling,
    "single": partial(by_polling, batch=1),
    "naive": by_sorting,
}


async def rate(jobs: Collection, way: Callable[[Collection], Claimer], workers: int) -> float:
    """Return the claims a second of all *workers* together, measured once."""
    await top_up(jobs)
    started, won = time.monotonic(), 0

    async def work() -> None:
        nonlocal won
        claim = way(jobs)
        while time.monotonic() - started < ROUND_SEC:
            won += await claim()

    await asyncio.gather(*(work() for _ in range(workers)))
    return won / (time.monotonic() - started)


@contextlib.asynccontextmanager
async def collection(url: str) -> AsyncIterator[Collection]:
    """Yield a job collection with every index in a new database.

    The database is not dropped, because that would disturb the next measurement.
    """
    client = DatabaseClient(url, f"claims_{uuid.uuid4().hex}", "motor")
    await indexes.ensure(client)
    jobs = client.collection("jobs")
    await jobs.create_index(NAIVE_INDEX)
    yield jobs
    await client.close()


async def compare(url: str, used: Collection, workers: int) -> list[str]:
    """Measure both ways on both collections in turn; return a line of medians for each way."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        async with collection(url) as fresh:
            for name, way in WAYS.items():
                both = [await rate(jobs, way, workers) for jobs in (fresh, used)]
                rates[name].append((both[0], both[1]))
    return [_line(f"{name:8} workers={workers}", found) for name, found in rates.items()]


def _line(title: str, rates: list[tuple[float, float]]) -> str:
    fresh, used = (statistics.median(found) for found in zip(*rates, strict=True))
    rounds = "  ".join(f"{a:.0f}/{b:.0f}" for a, b in rates)
    figures = f"fresh {fresh:5.0f}/s  used {used:5.0f}/s  ratio {used / fresh:4.0%}"
    return f"{title}  {figures}  rounds: {rounds}"


async def compare_polls(url: str, used: Collection, job_type: str) -> str:
    """Measure a poll that reads a batch, on both collections in turn; return a line in ms."""
    times: dict[str, list[float]] = {"fresh": [], "used": []}
    async with collection(url) as fresh:
        for jobs in (fresh, used):
            await top_up(jobs)
        for _ in range(POLLS):
            for name, jobs in (("fresh", fresh), ("used", used)):
                started = time.monotonic()
                candidates = candidates_of(MongoJobRepository(jobs))
                await candidates.refresh({job_type}, CLOCK.now())
                times[name].append((time.monotonic() - started) * 1000)
    fresh_ms, worn_ms = (statistics.median(found) for found in times.values())
    return f"fresh {fresh_ms:.1f} ms  used {worn_ms:.1f} ms"


async def run(url: str) -> None:
    """Pass all jobs through a collection, then measure and print."""
    async with collection(url) as used:
        started = time.monotonic()
        await consume(used, await fill(used, PASSED))
        took = time.monotonic() - started
        print(f"{PASSED} jobs passed in {took:.0f} s", flush=True)
        print("a poll that reads a batch: ", await compare_polls(url, used, TYPE), flush=True)
        print("a poll for an idle type:   ", await compare_polls(url, used, "idle"), flush=True)
        for workers in WORKERS:
            print(*await compare(url, used, workers), sep="\n", flush=True)


def main() -> None:
    """Start a server, measure, stop the server."""
    with (
        tempfile.TemporaryDirectory(prefix="secretary-bench-") as folder,
        ReplicaSet(Path(folder), cache_gb=0.5) as mongo,
    ):
        print("MongoDB", mongo.version(), flush=True)
        asyncio.run(run(mongo.url))


if __name__ == "__main__":
    main()
