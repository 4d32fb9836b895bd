"""Claims a second by polling, on a fresh collection and after 200,000 jobs have come and gone.

.venv/bin/python bench/claims.py

MongoDB keeps what is deleted from an index for 300 s (minSnapshotHistoryWindowInSeconds), so where
jobs come and go the head of an index fills with dead entries that every search for the first job
steps over. Both collections are measured in turn, by as many workers as the line says, each as the
engine does it: a batch of candidates, then claims by id. The naive way, one find_one_and_update
with a sort, stands beside it. Compare the figures of one run with each other.
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
from pathlib import Path
from random import random

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
from secretary_common.mongo.driver import Client, Collection
from secretary_common.mongo.jobs.document import MAY_START, PENDING, to_document, update_of
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.runtime.clock import SystemClock
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_worker.engine.candidates import Candidates

GONE = 200_000
GROUP = 1_000
BACKLOG = 3_000
KEYS = 4
ROUND_SEC = 2.0
ROUNDS = 3
LOOKS = 15
WORKERS = (1, 2, 4)
TYPE = "noop"
CLOCK = SystemClock()
NAIVE_ORDER = [("priority", DESCENDING), ("run_at", ASCENDING)]
NAIVE_INDEX = IndexModel(
    [("job_type", ASCENDING), *NAIVE_ORDER],
    name="naive",
    partialFilterExpression={"status": PENDING},
)

Claimer = Callable[[], Awaitable[bool]]


def make_job(number: int) -> Job:
    """A job of one of a few keys, due now."""
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
    """A lease as a worker's."""
    return Lease(owner="bench", token=new_token(), expires_at=CLOCK.now() + timedelta(seconds=30))


async def fill(jobs: Collection, count: int) -> list[str]:
    """Let *count* jobs come; their ids."""
    ids = []
    for start in range(0, count, GROUP):
        made = [to_document(make_job(number)) for number in range(start, min(count, start + GROUP))]
        await jobs.insert_many(made)
        ids += [document["_id"] for document in made]
    return ids


async def consume(jobs: Collection, ids: list[str]) -> None:
    """Let jobs go, in the order they came: the repository's own updates, for a group at a time."""
    like = make_job(0)
    for start in range(0, len(ids), GROUP):
        group = {"_id": {"$in": ids[start : start + GROUP]}}
        lease, now = make_lease(), CLOCK.now()
        end = Settlement(outcome=Outcome.COMPLETED, at=now, seq=2)
        await jobs.update_many(group, update_of(transition.claimed(lease, now)))
        await jobs.update_many(group, update_of(transition.settled(like, lease.token, end)))


async def top_up(jobs: Collection) -> None:
    """Bring the backlog back to its size."""
    waiting = await jobs.count({"status": PENDING, "job_type": TYPE})
    await fill(jobs, BACKLOG - waiting)


def ignore(_: Candidate) -> None:
    """Sets no timer."""


def by_polling(jobs: Collection) -> Claimer:
    """What a worker does."""
    repository = MongoJobRepository(jobs)
    line, skip = Candidates(repository, heard_of=ignore), 0.0

    async def claim() -> bool:
        nonlocal skip
        candidate = await line.take({TYPE}, CLOCK.now(), skip)
        if candidate is None:
            return False
        job = await repository.claim(candidate.job_id, make_lease(), CLOCK.now(), {TYPE})
        skip = 0.0 if job else random()  # noqa: S311 - spreads racing workers
        return job is not None

    return claim


def by_sorting(jobs: Collection) -> Claimer:
    """The naive way."""

    async def claim() -> bool:
        now = CLOCK.now()
        query = {"status": PENDING, "job_type": TYPE, "run_at": {"$lte": now}, **MAY_START}
        change = update_of(transition.claimed(make_lease(), now))
        return await jobs.find_one_and_update(query, change, sort=NAIVE_ORDER) is not None

    return claim


WAYS = {"polling": by_polling, "naive": by_sorting}


async def rate(jobs: Collection, way: Callable[[Collection], Claimer], workers: int) -> float:
    """Claims a second of *workers* together, for one round."""
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
    """Jobs in a database of their own, with every index. Dropping it would disturb what follows."""
    client = Client(url, f"claims_{uuid.uuid4().hex}", "motor")
    await indexes.ensure(client)
    jobs = client.collection("jobs")
    await jobs.create_indexes([NAIVE_INDEX])
    yield jobs
    await client.close()


async def compare(url: str, worn: Collection, workers: int) -> list[str]:
    """Some rounds, both ways and both collections in turn; a line for each way, of medians."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        async with collection(url) as fresh:
            for name, way in WAYS.items():
                both = [await rate(jobs, way, workers) for jobs in (fresh, worn)]
                rates[name].append((both[0], both[1]))
    return [_line(f"{name:8} workers={workers}", found) for name, found in rates.items()]


def _line(title: str, rates: list[tuple[float, float]]) -> str:
    fresh, worn = (statistics.median(found) for found in zip(*rates, strict=True))
    rounds = "  ".join(f"{a:.0f}/{b:.0f}" for a, b in rates)
    figures = f"fresh {fresh:5.0f}/s  worn {worn:5.0f}/s  ratio {worn / fresh:4.0%}"
    return f"{title}  {figures}  rounds: {rounds}"


async def compare_looks(url: str, worn: Collection, job_type: str) -> str:
    """How long a look takes that reads a batch, in ms; one after the other on both."""
    times: dict[str, list[float]] = {"fresh": [], "worn": []}
    async with collection(url) as fresh:
        for jobs in (fresh, worn):
            await top_up(jobs)
        for _ in range(LOOKS):
            for name, jobs in (("fresh", fresh), ("worn", worn)):
                started = time.monotonic()
                line = Candidates(MongoJobRepository(jobs), heard_of=ignore)
                await line.take({job_type}, CLOCK.now())
                times[name].append((time.monotonic() - started) * 1000)
    fresh_ms, worn_ms = (statistics.median(found) for found in times.values())
    return f"fresh {fresh_ms:.1f} ms  worn {worn_ms:.1f} ms"


async def run(url: str) -> None:
    """Wear a collection out, then measure and print."""
    async with collection(url) as worn:
        started = time.monotonic()
        await consume(worn, await fill(worn, GONE))
        took = time.monotonic() - started
        print(f"{GONE} jobs have come and gone in {took:.0f} s", flush=True)
        print("a look that reads a batch:", await compare_looks(url, worn, TYPE), flush=True)
        print("a look at an idle type:   ", await compare_looks(url, worn, "idle"), flush=True)
        for workers in WORKERS:
            print(*await compare(url, worn, workers), sep="\n", flush=True)


def main() -> None:
    """Start a server, measure on it, stop it."""
    with (
        tempfile.TemporaryDirectory(prefix="secretary-bench-") as folder,
        ReplicaSet(Path(folder), cache_gb=0.5) as mongo,
    ):
        print("MongoDB", mongo.version(), flush=True)
        asyncio.run(run(mongo.url))


if __name__ == "__main__":
    main()
