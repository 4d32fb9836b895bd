"""No query reads much more than it returns, however many documents there are.

Each public method of each repository is called over thousands of jobs. MongoDB's profiler shows
every command that reached the server: none may scan a whole collection, and none may read documents
that it does not need.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from support.indexed_database import ensure_indexes
from support.job_samples import HOOK, NOW, after, end, lease, make_job, worker_failure

from secretary_common.errors import StaleClaim
from secretary_common.models import (
    ApiKey,
    AuditEntry,
    Batch,
    Delivery,
    DeliveryQuery,
    DeliveryRecord,
    DeliveryState,
    FileInfo,
    FileKind,
    Idempotency,
    Job,
    JobProgress,
    JobQuery,
    JobStatus,
    JobTypeInfo,
    Lane,
    LogEntry,
    LogLevel,
    NotifySlot,
    Outcome,
    Phase,
    ProgressChange,
    TemplateInfo,
    WorkerReport,
)
from secretary_common.models.cache_value import INLINE_BYTES
from secretary_common.mongo.deliveries.document import to_document as delivery_document
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.jobs.document import to_document
from secretary_common.mongo.jobs.logs import ATTEMPT_STEP
from secretary_common.mongo.store import Store

MANY = 6000
LIMIT = 20
ERRORS: tuple[LogLevel, ...] = ("error",)
SLACK = 5
"""The number of documents that a query may read in addition to those it returns."""
TYPES = {"pdf", "other"}
PENDING, DELIVERED, DEAD = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD
MANY_EVENTS = "job-many-events"
"""A job with thousands of deliveries."""
STATUSES = list(JobStatus)
BATCH = "batch-1"
LANES = [Lane("https://example.com:6", is_retry=False), Lane("https://none", is_retry=True)]

Call = Callable[[Store], Awaitable[Any]]


def job(n: int) -> Job:
    """Return the *n*-th of many jobs: all states, types, keys, priorities; half of them are old."""
    status = STATUSES[n % len(STATUSES)]
    ended = status not in (JobStatus.PENDING, JobStatus.PROCESSING)
    return make_job(
        f"job-{n:06}",
        job_type="pdf" if n % 3 else "other",
        owner=f"key-{n % 7}",
        priority=n % 10,
        status=status.value,
        created_at=after(-n),
        run_at=after(-n if n % 2 else n),
        tags=["rare"] if n % 500 == 0 else [],
        user_id=f"user-{n % 500}",
        batch_id=BATCH if n < 50 else None,
        parameters={"file_id": f"file-{n}"} if n % 4 == 1 else {},
        lease=lease(f"t-{n}", seconds=30 if n % 2 else -n)
        if status is JobStatus.PROCESSING
        else None,
        notify=NotifySlot(seq=1, run=1, phase=Phase.PROCESSING, due_at=after(n - MANY / 2))
        if n % 11 == 0
        else None,
        idempotency=Idempotency(key=f"k-{n}", body_hmac="x", at=NOW),
        webhook=HOOK,
        expires_at=after(n - MANY / 2) if ended else None,
        completed_at=NOW if ended else None,
    )


def delivery(n: int) -> Delivery:
    waiting, dead = n % 3 == 0, n % 31 == 1
    return Delivery(
        delivery_id=f"msg_job-{n // 4:06}_{n}",
        job_id=f"job-{n // 4:06}",
        owner=f"key-{n % 7}",
        seq=n,
        run=1,
        phase=Phase.TEST if n % 62 == 1 else Phase.COMPLETED,
        url="https://example.com",
        origin=f"https://example.com:{n % 50}",
        body=b"{}",
        state=PENDING if waiting else DEAD if dead else DELIVERED,
        created_at=after(-n),
        next_attempt_at=after(n - MANY / 2) if waiting else None,
    )


def entry(n: int) -> LogEntry:
    level: LogLevel = "error" if n > MANY - 100 else "info"
    return LogEntry(timestamp=NOW, level=level, message="m", attempt=1, seq=n)


def file(n: int) -> FileInfo:
    return FileInfo(
        file_id=f"file-{n}",
        kind=FileKind.UPLOAD if n % 2 else FileKind.FILE,
        owner="key-1",
        name="a",
        created_at=after(n - MANY / 2),
        job_id=None if n % 2 else f"job-{n:06}",
        attempt=None if n % 2 else 1,
    )


async def content() -> AsyncIterator[bytes]:
    yield b"x" * 1000


async def read(store: Store, file_id: str) -> None:
    found = await store.files.open(file_id)
    assert found
    assert [chunk async for chunk in found.chunks]


@dataclass(frozen=True)
class Profiled:
    """A full store with MongoDB's profiler."""

    store: Store
    database: Any

    async def commands(self, call: Call) -> list[dict[str, Any]]:
        """Make *call*; return the profiles of its commands."""
        self.database.command("profile", 0)
        self.database.drop_collection("system.profile")
        self.database.command("profile", 2)
        await call(self.store)
        self.database.command("profile", 0)
        noted = self.database["system.profile"].find({"ns": {"$not": {"$regex": "profile$"}}})
        looked = ("planSummary", "docsExamined", "ninserted")
        return [one for one in noted if any(name in one for name in looked)]


@pytest.fixture(scope="module")
def full_database(mongo_url: str) -> Any:
    """Yield a database with many documents of every kind; drop it at the end."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_url, tz_aware=True)
    name = "test_growth"
    client.drop_database(name)
    database = client[name]
    database["jobs"].insert_many([to_document(job(n)) for n in range(MANY)])
    database["deliveries"].insert_many([delivery_document(delivery(n)) for n in range(MANY)])
    database["deliveries"].insert_many(
        [
            {
                **delivery_document(delivery(n)),
                "_id": f"msg_{MANY_EVENTS}_{n}",
                "job_id": MANY_EVENTS,
            }
            for n in range(1, MANY, 3)
        ]
    )
    database["job_logs"].insert_many(
        [
            {
                "_id": f"job-{n % 3}:1:{n}",
                "job_id": f"job-{n % 3}",
                "position": ATTEMPT_STEP + n,
                **entry(n).model_dump(),
            }
            for n in range(MANY)
        ]
    )
    database["files"].insert_many(
        [
            {
                "_id": one.file_id,
                "check_at": one.created_at,
                **one.model_dump(exclude_none=True, exclude={"file_id"}),
            }
            for one in map(file, range(MANY))
        ]
    )
    database["fs.files"].insert_many(
        [
            {
                "_id": f"file-{n}",
                "length": 1,
                "filename": "a",
                "uploadDate": NOW,
                "metadata": {"kind": "file", "owner": "key-1", "sha256": ""},
            }
            for n in range(MANY)
        ]
    )
    database["fs.chunks"].insert_many(
        [{"files_id": f"file-{n}", "n": 0, "data": b"1"} for n in range(MANY)]
    )
    database["cache"].insert_many(
        [
            {"_id": f"key-{n}", "used_at": after(-n), "size": 520, "data": b"{}"}
            if n % 10
            else {"_id": f"key-{n}", "used_at": after(-n), "size": 520, "file_id": f"file-{n}"}
            for n in range(MANY)
        ]
    )
    database["batches"].insert_many(
        [
            {
                "_id": f"batch-{n}",
                "owner": "key-1",
                "job_ids": [],
                "created_at": NOW,
                "idempotency": {"key": f"b-{n}", "body_hmac": "x", "at": NOW},
            }
            for n in range(1000)
        ]
    )
    database["api_keys"].insert_many([{"_id": f"k{n}", "digest": "", "name": ""} for n in range(5)])
    yield database
    client.drop_database(name)
    client.close()


@pytest.fixture
async def profiled(full_database: Any, mongo_url: str) -> AsyncIterator[Profiled]:
    client = DatabaseClient(mongo_url, full_database.name, "pymongo")
    await ensure_indexes(client)
    yield Profiled(Store(client), full_database)
    await client.close()


def change(n: int) -> ProgressChange:
    slot = NotifySlot(seq=9, run=1, phase=Phase.PROCESSING, due_at=NOW)
    return ProgressChange(f"job-{n:06}", f"t-{n}", 9, NOW, JobProgress(percent=5), slot)


RUNNING = next(n for n in range(MANY) if STATUSES[n % 5] is JobStatus.PROCESSING and n % 2 == 0)
WAITING = next(n for n in range(100, MANY) if STATUSES[n % 5] is JobStatus.PENDING and n % 2)
ENDED = next(n for n in range(100, MANY) if STATUSES[n % 5] is JobStatus.FAILED and n % 11)


async def ignoring(work: Awaitable[Any]) -> None:
    """Await *work* and ignore ``StaleClaim``: only its commands matter."""
    with contextlib.suppress(StaleClaim):
        await work


JOB_CALLS: dict[str, Call] = {
    "insert": lambda s: s.jobs.insert(make_job("job-new", owner="key-new")),
    "get": lambda s: s.jobs.get("job-000007"),
    "find_by_key": lambda s: s.jobs.find_by_key("key-1", "k-1"),
    "release_key": lambda s: s.jobs.release_key(job(3)),
    "candidates": lambda s: s.jobs.candidates(TYPES, NOW, LIMIT),
    "few_waiting": lambda s: s.jobs.few_waiting(TYPES, NOW, LIMIT),
    "waiting_priorities": lambda s: s.jobs.waiting_priorities(TYPES, NOW),
    "waiting_owners": lambda s: s.jobs.waiting_owners(TYPES, 5, NOW),
    "oldest_waiting": lambda s: s.jobs.oldest_waiting(TYPES, 5, ["key-1", "key-2"], NOW, LIMIT),
    "next_due": lambda s: s.jobs.next_due(TYPES, NOW),
    "scheduled": lambda s: s.jobs.scheduled([f"job-{WAITING:06}"], NOW),
    "claim": lambda s: s.jobs.claim(f"job-{WAITING:06}", lease("new"), NOW, TYPES),
    "claim_many": lambda s: s.jobs.claim_many(
        [f"job-{WAITING + n:06}" for n in range(5)], lease("new"), NOW, TYPES
    ),
    "held": lambda s: s.jobs.held(f"job-{RUNNING:06}", f"t-{RUNNING}"),
    "ended_leases": lambda s: s.jobs.ended_leases(TYPES, NOW, LIMIT, lost_leases=9),
    "reclaim": lambda s: s.jobs.reclaim(job(RUNNING), lease("new"), NOW),
    "summaries": lambda s: s.jobs.summaries([f"job-{RUNNING:06}"]),
    "cancel_requested_among": lambda s: s.jobs.cancel_requested_among([f"job-{RUNNING:06}"]),
    "renew": lambda s: s.jobs.renew("worker-1", [f"job-{RUNNING:06}"], after(30)),
    "record_progress": lambda s: ignoring(s.jobs.record_progress(change(RUNNING))),
    "settle": lambda s: ignoring(
        s.jobs.settle(job(RUNNING), "t-lost", end(Outcome.COMPLETED, seq=9))
    ),
    "cancel": lambda s: s.jobs.cancel(job(WAITING + 10), NOW, NOW),
    "request_cancel": lambda s: s.jobs.request_cancel(job(RUNNING + 10), NOW),
    "retry": lambda s: s.jobs.retry(job(ENDED), NOW),
    "delete": lambda s: s.jobs.delete(job(ENDED + 5), NOW),
    "statistics": lambda s: s.jobs.statistics(TYPES, NOW),
    # only the jobs of the asked time are read: three here
    "ended": lambda s: s.jobs.ended(after(-3), NOW, 60.0, timedelta(0)),
    "running_by_owner": lambda s: s.jobs.running_by_owner(["key-3"]),
    "pending_by_owner": lambda s: s.jobs.pending_by_owner(),
    "pending_of": lambda s: s.jobs.pending_of("key-3", TYPES, LIMIT),
    "claim_within": lambda s: s.jobs.claim_within(
        [f"job-{n:06}" for n in range(9)], lease("within"), NOW, TYPES, owner="key-3", most=99
    ),
    "batch_counts": lambda s: s.jobs.batch_counts(BATCH),
    "due_slots": lambda s: s.jobs.due_slots(NOW, LIMIT),
    "next_slot_at": lambda s: s.jobs.next_slot_at(NOW),
    "record_worker_failure": lambda s: s.jobs.record_worker_failure(
        f"job-{RUNNING:06}", worker_failure("t-lost")
    ),
    "deleted_among": lambda s: s.jobs.deleted_among(["job-000011", "job-000022"]),
    "slots_of": lambda s: s.jobs.slots_of(["job-000011", "job-000022", "job-none"]),
    "clear_slots": lambda s: s.jobs.clear_slots([("job-000033", 1), ("job-000044", 9)], NOW),
    "postpone_slot": lambda s: s.jobs.postpone_slot(
        "job-000022", NotifySlot(seq=1, run=1, phase=Phase.PROCESSING, due_at=NOW), after(1)
    ),
    "find": lambda s: s.jobs.find(JobQuery(limit=LIMIT)),
    "find_page": lambda s: s.jobs.find_page(JobQuery(limit=LIMIT)),
}
LISTINGS: dict[str, JobQuery] = {
    "owner": JobQuery(owner="key-3", limit=LIMIT),
    "status": JobQuery(status=JobStatus.FAILED, limit=LIMIT),
    "waiting": JobQuery(status=JobStatus.PENDING, limit=LIMIT),
    "owner and status": JobQuery(owner="key-3", status=JobStatus.FAILED, limit=LIMIT),
    "type": JobQuery(job_type="other", limit=LIMIT),
    "tag": JobQuery(tag="rare", limit=LIMIT),
    "user": JobQuery(user_id="user-7", limit=LIMIT),
    "batch": JobQuery(batch_id=BATCH, limit=LIMIT),
    "batch and status": JobQuery(batch_id=BATCH, status=JobStatus.FAILED, limit=LIMIT),
    "created before": JobQuery(created_before=after(-3000), limit=LIMIT),
    "created after": JobQuery(created_after=after(-3000), limit=LIMIT),
    "the next page": JobQuery(after=(after(-3000), "job-003000"), limit=LIMIT),
    "the next page of an owner": JobQuery(
        owner="key-3", after=(after(-3000), "job-003000"), limit=LIMIT
    ),
}
WORKER = WorkerReport(
    worker_id="worker-1",
    host="host",
    pid=1,
    started_at=NOW,
    seen_at=NOW,
    alive_until=after(30),
    job_types=["pdf"],
    slots=1,
    running=[],
    active=True,
    listening=True,
)
TEMPLATE = TemplateInfo(name="Summary", languages=["en"], fields=[])
OTHER_CALLS: dict[str, dict[str, Call]] = {
    "batches": {
        "insert": lambda s: s.batches.insert(
            Batch(batch_id="batch-new", owner="k", job_ids=["job-b"], created_at=NOW),
            [make_job("job-b")],
        ),
        "get": lambda s: s.batches.get("batch-5"),
        "find": lambda s: s.batches.find("key-1", after=(NOW, "batch-5"), limit=LIMIT),
        "find_by_key": lambda s: s.batches.find_by_key("key-1", "b-5"),
        "release_key": lambda s: s.batches.release_key(
            Batch(
                batch_id="batch-7",
                owner="key-1",
                job_ids=[],
                created_at=NOW,
                idempotency=Idempotency(key="b-7", body_hmac="x", at=NOW),
            )
        ),
    },
    "deliveries": {
        "insert_absent": lambda s: s.deliveries.insert_absent([delivery(5), delivery(MANY + 1)]),
        "insert_claimed": lambda s: s.deliveries.insert_claimed(
            [one := delivery(5), two := delivery(MANY + 2)],
            {one.delivery_id: lease("c"), two.delivery_id: lease("c")},
        ),
        "get": lambda s: s.deliveries.get(delivery(7).delivery_id),
        "replay": lambda s: s.deliveries.replay("ep-1", NOW, NOW, NOW),
        "redirect": lambda s: s.deliveries.redirect(
            "ep-1", "https://x.org/", "https://x.org:443 ep-1"
        ),
        "last_failure": lambda s: s.deliveries.last_failure("ep-1"),
        "of_job": lambda s: s.deliveries.of_job(MANY_EVENTS, after=(100, "~"), limit=LIMIT),
        "find": lambda s: s.deliveries.find(DeliveryQuery(limit=LIMIT)),
        "find_page": lambda s: s.deliveries.find_page(DeliveryQuery(limit=LIMIT)),
        "muted_until": lambda s: s.deliveries.muted_until([delivery(n) for n in (0, 300)], NOW),
        "counts": lambda s: s.deliveries.counts("key-3"),
        "has_pending": lambda s: s.deliveries.has_pending("job-000007"),
        "delete_of_job": lambda s: s.deliveries.delete_of_job("job-000008"),
        "resend": lambda s: s.deliveries.resend(delivery(61).delivery_id, NOW),
        "recover": lambda s: s.deliveries.recover(after(-9), NOW, NOW, owner="key-3"),
        "waiting_lanes": lambda s: s.deliveries.waiting_lanes(),
        "due": lambda s: s.deliveries.due(LANES, NOW, LIMIT),
        "next_due_at": lambda s: s.deliveries.next_due_at(LANES, NOW),
        "due_of_jobs": lambda s: s.deliveries.due_of_jobs(["job-000030", "job-000031"], NOW),
        "claim": lambda s: s.deliveries.claim(
            [delivery(n).delivery_id for n in (0, 1, 300)], lease("d"), NOW
        ),
        "obstacles": lambda s: s.deliveries.obstacles([delivery(n) for n in (0, 300)], NOW),
        "drop_abandoned_progress": lambda s: s.deliveries.drop_abandoned_progress(
            "job-000000", 99, NOW
        ),
        "record": lambda s: s.deliveries.record(
            [DeliveryRecord(delivery(0).delivery_id, "d-0", DeliveryState.DEAD)]
        ),
        "mute": lambda s: s.deliveries.mute("key-3", "https://example.com", NOW),
        "unmute": lambda s: s.deliveries.unmute("key-3", "https://example.com"),
        "remove_expired": lambda s: s.deliveries.remove_expired(NOW),
    },
    "notifiers": {
        "report": lambda s: s.notifiers.report("notifier-1", NOW, {}),
        "any_alive": lambda s: s.notifiers.any_alive(NOW),
        "receivers": lambda s: s.notifiers.receivers(NOW),
        "leave": lambda s: s.notifiers.leave("notifier-1"),
    },
    "logs": {
        "append": lambda s: s.logs.append("job-1", [entry(MANY + 1)]),
        "tail": lambda s: s.logs.tail("job-1", LIMIT),
        "page": lambda s: s.logs.page("job-1", after=(1, 9), levels=ERRORS, limit=LIMIT),
        "delete_some": lambda s: s.logs.delete_some("job-2", SLACK),
    },
    "files": {
        "save": lambda s: s.files.save(content(), file(MANY)),
        "open": lambda s: read(s, "file-1"),
        "head": lambda s: s.files.head("file-1"),
        "delete": lambda s: s.files.delete("file-3"),
        "of_job": lambda s: s.files.of_job("job-000004", LIMIT),
        "due_for_check": lambda s: s.files.due_for_check(NOW, LIMIT),
        "check_again": lambda s: s.files.check_again("file-5", after(99)),
        "mark_for_removal": lambda s: s.files.mark_for_removal("file-7", NOW),
        "upload_bytes": lambda s: s.files.upload_bytes("key-3"),
        "keep_uploads": lambda s: s.files.keep_uploads(["file-9", "file-11", "file-12"], NOW),
    },
    "cache": {
        "get_many": lambda s: s.cache.get_many([f"key-{n}" for n in range(600)] + ["unknown"]),
        "put_many": lambda s: s.cache.put_many(
            {"key-5": {}, "key-7": {"text": "x" * INLINE_BYTES}, "key-new": {"n": 1}}
        ),
        "latest": lambda s: s.cache.latest(LIMIT, before=(after(-3000), "key-3000")),
        "remove_unused": lambda s: s.cache.remove_unused((after(-3000), "key-3000"), SLACK),
    },
    "removal": {
        "expired_jobs": lambda s: s.removal.expired_jobs(
            NOW, LIMIT, after=(after(-1000), f"job-{ENDED:06}")
        ),
        "set_aside_hidden": lambda s: s.removal.set_aside_hidden(LIMIT),
        "mark_expired_as_deleted": lambda s: s.removal.mark_expired_as_deleted(
            f"job-{ENDED:06}", NOW, NOW
        ),
        "make_tombstone": lambda s: s.removal.make_tombstone(f"job-{ENDED:06}", NOW, after(60)),
        "remove_job": lambda s: s.removal.remove_job(f"job-{ENDED:06}"),
        "is_referenced": lambda s: asyncio.gather(
            s.removal.is_referenced(file(7)),
            s.removal.is_referenced(file(8)),
            s.removal.is_referenced(file(9).model_copy(update={"kind": FileKind.CACHE})),
        ),
        "old_batches": lambda s: s.removal.old_batches(NOW, LIMIT, after=(NOW, "batch-3")),
        "remove_batch": lambda s: s.removal.remove_batch("batch-99"),
    },
    "locks": {
        "take": lambda s: s.locks.take("one", "w", NOW, after(9)),
        "release": lambda s: s.locks.release("one", "w"),
    },
    "keys": {
        "insert": lambda s: s.keys.insert(ApiKey("new", "", "", created_at=NOW)),
        "get": lambda s: s.keys.get("k1"),
        "change_limits": lambda s: s.keys.change_limits("k1", {"max_running": 3}),
        "delete": lambda s: s.keys.delete("new"),
        "touch": lambda s: s.keys.touch("k1", NOW),
    },
    "audit": {
        "add": lambda s: s.audit.add(
            AuditEntry(entry_id="audit-1", created_at=NOW, key_id="k1", action="key.create")
        ),
        "find": lambda s: s.audit.find("k1", after=(NOW, "audit-0"), limit=LIMIT),
    },
    "job_types": {
        "announce": lambda s: s.job_types.announce([JobTypeInfo("pdf")]),
        "set_paused": lambda s: s.job_types.set_paused("pdf", paused=True),
        "paused": lambda s: s.job_types.paused(),
    },
    "templates": {"announce": lambda s: s.templates.announce([TEMPLATE])},
    "workers": {
        "report": lambda s: s.workers.report(WORKER),
        "alive": lambda s: s.workers.alive(NOW),
        "forget": lambda s: s.workers.forget("worker-1"),
    },
}
DELIVERY_LISTINGS: dict[str, DeliveryQuery] = {
    "owner": DeliveryQuery(owner="key-3", limit=LIMIT),
    "state": DeliveryQuery(state=DeliveryState.PENDING, limit=LIMIT),
    "owner and state": DeliveryQuery(owner="key-3", state=DeliveryState.PENDING, limit=LIMIT),
    "the next page of an owner's": DeliveryQuery(
        owner="key-3",
        state=DeliveryState.PENDING,
        after=(after(-3000), "msg_job-000750_3000"),
        limit=LIMIT,
    ),
}
WHOLE = {("keys", "all"), ("keys", "running_limits"), ("job_types", "all"), ("templates", "all")}
"""Methods that return whole collections, which are small."""


def public_methods(repository: object) -> set[str]:
    return {
        name
        for name, member in inspect.getmembers(type(repository), inspect.isfunction)
        if not name.startswith("_") and inspect.iscoroutinefunction(member)
    }


def assert_bounded(what: str, commands: list[dict[str, Any]]) -> None:
    assert commands, f"{what}: nothing reached the server"
    for one in commands:
        facts = (what, one.get("planSummary"), one.get("docsExamined"), one.get("nreturned"))
        assert "COLLSCAN" not in str(one.get("planSummary")), facts
        given = max(one.get("nreturned") or 0, one.get("nMatched") or 0, 1)
        assert (one.get("docsExamined") or 0) <= given + SLACK, facts


async def test_every_method_of_the_job_repository_is_bounded(profiled: Profiled) -> None:
    assert set(JOB_CALLS) == public_methods(profiled.store.jobs)
    for name, call in JOB_CALLS.items():
        assert_bounded(name, await profiled.commands(call))


async def test_every_listing_is_bounded(profiled: Profiled) -> None:
    for name, query in LISTINGS.items():
        seen: list[Job] = []

        async def call(store: Store, query: JobQuery = query, seen: list[Job] = seen) -> None:
            seen += await store.jobs.find(query)

        assert_bounded(name, await profiled.commands(call))
        assert seen, name


async def test_every_listing_of_deliveries_is_bounded(profiled: Profiled) -> None:
    for name, query in DELIVERY_LISTINGS.items():
        seen: list[Delivery] = []

        async def call(
            store: Store, query: DeliveryQuery = query, seen: list[Delivery] = seen
        ) -> None:
            seen += await store.deliveries.find(query)

        assert_bounded(name, await profiled.commands(call))
        assert seen, name


async def test_lanes_are_found_without_reading_all_waiting_deliveries(
    profiled: Profiled,
) -> None:
    commands = await profiled.commands(lambda store: store.deliveries.waiting_lanes())
    assert sum(one["keysExamined"] for one in commands) <= 2 * 50 + SLACK


async def test_counting_deliveries_reads_no_document(profiled: Profiled) -> None:
    for owner in (None, "key-3"):

        async def call(store: Store, owner: str | None = owner) -> None:
            assert all((await store.deliveries.counts(owner)).values())

        commands = await profiled.commands(call)
        assert len(commands) == 2
        assert sum(one["docsExamined"] for one in commands) == 0


async def test_statistics_read_no_document(profiled: Profiled) -> None:
    for owner in (None, "key-3"):

        async def call(store: Store, owner: str | None = owner) -> None:
            assert await store.jobs.statistics(TYPES, NOW, owner=owner)

        commands = await profiled.commands(call)
        assert sum(one.get("docsExamined") or 0 for one in commands) <= 2 * len(TYPES)


@pytest.mark.parametrize("name", OTHER_CALLS)
async def test_every_method_of_the_other_repositories_is_bounded(
    profiled: Profiled, name: str
) -> None:
    calls = OTHER_CALLS[name]
    whole = {method for repository, method in WHOLE if repository == name}
    assert set(calls) | whole == public_methods(getattr(profiled.store, name))
    for method, call in calls.items():
        assert_bounded(f"{name}.{method}", await profiled.commands(call))


async def test_a_late_page_reads_no_more_than_the_first(profiled: Profiled) -> None:
    """The index answers the position of the page."""
    page = JobQuery(after=(NOW - timedelta(seconds=5000), "job-005000"), limit=LIMIT)
    commands = await profiled.commands(lambda store: store.jobs.find(page))
    assert max(one["keysExamined"] for one in commands) <= LIMIT + SLACK


async def test_thousands_of_cache_entries_need_few_queries(profiled: Profiled) -> None:
    keys = [f"cached-{n}" for n in range(5000)]
    await profiled.store.cache.put_many({key: {"k": key} for key in keys})
    seen: list[int] = []

    async def get(store: Store) -> None:
        seen.append(len(await store.cache.get_many(keys)))

    assert len(await profiled.commands(get)) <= 20
    assert seen == [5000]


async def test_listing_the_cache_reads_no_entry(profiled: Profiled) -> None:
    for limit in (1, 1000):

        async def call(store: Store, limit: int = limit) -> None:
            assert len(await store.cache.latest(limit)) == limit

        commands = await profiled.commands(call)
        assert sum(one["docsExamined"] for one in commands) == 0
