"""Which index serves each query of jobs, and how long the query takes as the collection grows.

The bench fills one collection step by step: most jobs have ended, some wait, a few run. At each
size it calls the repository's own methods, and asks MongoDB which indexes they used and how many
keys and documents they read. An index that no call uses is named at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from harness import picture, results
from harness.many_jobs import TYPES, documents, fill
from harness.results import Record
from harness.turns import alone, new_folder, say
from pymongo import MongoClient

from secretary_common.errors import StaleClaim
from secretary_common.models import (
    FileInfo,
    FileKind,
    Job,
    JobQuery,
    JobStatus,
    Lease,
    Outcome,
    Settlement,
    new_job_id,
    new_token,
)
from secretary_common.mongo import indexes
from secretary_common.mongo.indexes.definitions import JOBS
from secretary_common.mongo.store import Store, store_of
from secretary_common.settings.service import MongoSection
from secretary_devstack.servers.mongod import ReplicaSet

DATABASE = "bench"
CALLS = 20
LIMIT = 50
LATER = 1.3
"""A query may take this many times as long with the most jobs as with the fewest."""

Raw = MongoClient[dict[str, Any]]
Call = Callable[[Store, int], Awaitable[object]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])


def measure(options: argparse.Namespace) -> Record:
    """Measure every query at each size."""
    with alone(options.lock), new_folder() as folder:
        return asyncio.run(_measure(folder, options.sizes))


async def _measure(folder: Path, sizes: list[int]) -> Record:
    records: list[Record] = []
    with ReplicaSet(folder / "mongo") as mongo, MongoClient[dict[str, Any]](mongo.url) as raw:
        section = MongoSection(url=mongo.url, database=DATABASE, driver="pymongo")
        async with store_of(section) as store:
            await store.ping()
            now = store.clock.now()
            found = documents(now)
            filled = 0
            for size in sizes:
                await asyncio.to_thread(fill, raw[DATABASE]["jobs"], found, size - filled)
                filled = size
                await indexes.ensure(store.client)
                # The checkpoint of what was inserted is not a part of the queries.
                await asyncio.to_thread(raw.admin.command, "fsync")
                for name, call in _calls(raw, now).items():
                    records.append({"jobs": size, "query": name, **await _one(store, raw, call)})
                say(f"{size} jobs measured")
    used = {name for record in records for name in record["indexes"]}
    unused = sorted({index.document["name"] for index in JOBS} - used)
    return {"records": records, "unused": unused}


def _calls(raw: Raw, now: datetime) -> dict[str, Call]:
    """Return a call of each query; its number differs from call to call."""
    jobs = raw[DATABASE]["jobs"]
    waiting = [
        one["_id"] for one in jobs.find({"status": "pending", "run_at": {"$lte": now}}, ["_id"])
    ]
    return {**_writes(waiting, now), **_engine(now), **_listings(now)}


def _writes(waiting: list[str], now: datetime) -> dict[str, Call]:
    lease = Lease(owner="bench", token=new_token(), expires_at=now + timedelta(minutes=5))
    end = Settlement(outcome=Outcome.COMPLETED, at=now, seq=9)

    async def settle(store: Store, n: int) -> None:
        found = await store.jobs.get(waiting[n % len(waiting)])
        try:
            await store.jobs.settle(found or _new_job(now), lease.token, end)
        except StaleClaim:
            return

    return {
        "submit": lambda s, _: s.jobs.insert(_new_job(now)),
        "claim 4": lambda s, n: s.jobs.claim_many(
            [waiting[(n * 4 + one) % len(waiting)] for one in range(4)], lease, now, TYPES
        ),
        "read and settle": settle,
        "find by idempotency key": lambda s, n: s.jobs.find_by_key("key-1", f"k-{n * 20}"),
    }


def _new_job(now: datetime) -> Job:
    return Job(
        job_id=new_job_id(),
        job_type="pdf",
        owner="key-1",
        run_at=now + timedelta(hours=1),
        created_at=now,
        updated_at=now,
    )


def _engine(now: datetime) -> dict[str, Call]:
    """Return the queries of workers, notifiers and the sweeper."""
    return {
        "priorities": lambda s, _: s.jobs.waiting_priorities(TYPES, now),
        "owners": lambda s, _: s.jobs.waiting_owners(TYPES, 5, now),
        "oldest of owners": lambda s, n: s.jobs.oldest_waiting(
            TYPES, 5, [f"key-{(n + one) % 30}" for one in range(4)], now, LIMIT
        ),
        "candidates": lambda s, _: s.jobs.candidates(TYPES, now, LIMIT),
        "few waiting": lambda s, _: s.jobs.few_waiting(TYPES, now, LIMIT),
        "next due": lambda s, _: s.jobs.next_due(TYPES, now),
        "ended leases": lambda s, _: s.jobs.ended_leases(
            TYPES, now - timedelta(hours=1), LIMIT, lost_leases=10
        ),
        "running of a type": lambda s, _: s.jobs.statistics(["rare"], now, owner="key-1"),
        "due slots": lambda s, _: s.jobs.due_slots(now, LIMIT),
        "next slot": lambda s, _: s.jobs.next_slot_at(now),
        "counts of a batch": lambda s, n: s.jobs.batch_counts(f"batch-{n % 10 * 10}"),
        "expired jobs": lambda s, _: s.removal.expired_jobs(
            now + timedelta(days=29, hours=23), LIMIT
        ),
        "a referenced upload": lambda s, n: s.removal.is_referenced(_upload(n, now)),
        "jobs of another shape": lambda s, _: s.removal.set_aside_hidden(LIMIT),
    }


def _upload(n: int, now: datetime) -> FileInfo:
    return FileInfo(
        file_id=f"file-{n * 20}",
        kind=FileKind.UPLOAD,
        owner="key-1",
        name="a",
        created_at=now,
        job_id=None,
        attempt=None,
    )


def _listings(now: datetime) -> dict[str, Call]:
    """Return the listings, newest first, with the filters that the API has."""
    before = now - timedelta(hours=1)
    filters: dict[str, Callable[[int], dict[str, Any]]] = {
        "all": lambda _: {},
        "all before a time": lambda n: {"created_before": before - timedelta(seconds=n)},
        "of a key": lambda n: {"owner": f"key-{n % 5}"},
        "failed": lambda _: {"status": JobStatus.FAILED},
        "failed of a key": lambda n: {"owner": f"key-{n % 5}", "status": JobStatus.FAILED},
        "waiting": lambda _: {"status": JobStatus.PENDING},
        "waiting of a key": lambda n: {"owner": f"key-{n % 5}", "status": JobStatus.PENDING},
        "running": lambda _: {"status": JobStatus.PROCESSING},
        "of a rare type": lambda _: {"job_type": "rare"},
        "of a tag": lambda n: {"tag": f"tag-{n % 20 * 10}"},
        "of a user": lambda n: {"user_id": f"user-{n * 2 + 1}"},
        "of a batch": lambda n: {"batch_id": f"batch-{n % 10 * 10}"},
    }

    def listing(query: Callable[[int], dict[str, Any]]) -> Call:
        return lambda store, n: store.jobs.find(JobQuery(limit=LIMIT, **query(n)))

    return {f"list {name}": listing(query) for name, query in filters.items()}


async def _one(store: Store, raw: Raw, call: Call) -> Record:
    took_ms = []
    for number in range(CALLS):
        started = time.perf_counter()
        await call(store, number)
        took_ms.append((time.perf_counter() - started) * 1000)
    database, before = raw[DATABASE], _index_uses(raw)
    database.command("profile", 2)
    await call(store, CALLS)
    database.command("profile", 0)
    after = _index_uses(raw)
    commands = list(database["system.profile"].find({"ns": f"{DATABASE}.jobs"}))
    database.drop_collection("system.profile")
    return {
        "ms": results.percentiles(took_ms[2:]),
        "indexes": sorted(name for name in after if after[name] > before[name]),
        "keys": sum(one.get("keysExamined") or 0 for one in commands),
        "documents": sum(one.get("docsExamined") or 0 for one in commands),
        "scans": any("COLLSCAN" in str(one.get("planSummary")) for one in commands),
    }


def _index_uses(raw: Raw) -> dict[str, int]:
    found = raw[DATABASE]["jobs"].aggregate([{"$indexStats": {}}])
    return {one["name"]: one["accesses"]["ops"] for one in found}


def tables(found: Mapping[str, Any]) -> str:
    """Return the table of all queries, and the indexes that none of them used."""
    sizes = sorted({record["jobs"] for record in found["records"]})
    rows = [
        _row(name, {record["jobs"]: record for record in records}, sizes)
        for (name,), records in results.grouped(found["records"], "query").items()
    ]
    head = ["query", "indexes", *(f"p95 ms, {size:,}" for size in sizes), "ratio", "keys", "read"]
    unused = ", ".join(found["unused"]) or "none"
    return f"{results.table(head, rows)}\n\nIndexes that no query used: {unused}"


def _row(name: str, by_size: Mapping[int, Record], sizes: list[int]) -> list[str]:
    p95 = [by_size[size]["ms"]["p95"] for size in sizes]
    last, first = by_size[sizes[-1]], by_size[sizes[0]]
    used = ", ".join(last["indexes"]) + (" and a scan" if last["scans"] else "")
    ratio = f"{p95[-1] / p95[0]:.2f}{'' if p95[-1] <= p95[0] * LATER else ' !'}"
    times = [f"{value:.1f}" for value in p95]
    work = [f"{first[what]} - {last[what]}" for what in ("keys", "documents")]
    return [name, used, *times, ratio, *work]


def pictures(found: Mapping[str, Any]) -> dict[str, str]:
    """Return bars of each query's time at each size."""
    groups = {
        name: {f"{record['jobs']:,} jobs": record["ms"]["p50"] for record in records}
        for (name,), records in results.grouped(found["records"], "query").items()
    }
    return {"queries": picture.bars("The median time of each query, ms", groups, unit="ms")}
