"""A key that may run only some jobs at a time leaves the other slots to other keys."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import pytest
from support.engine_harness import engine

from secretary_common.errors import StoreUnavailable
from secretary_common.models import ApiKey, Job, JobStatus, KeyLimits
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_worker.engine import manager
from secretary_worker.engine.line.running_limits import HOLD_SEC, OLDEST_SEC, RunningLimits


async def keys_with(**most: int) -> InMemoryKeyRepository:
    keys = InMemoryKeyRepository()
    for key_id, limit in most.items():
        await keys.insert(ApiKey(key_id, "", "", limits=KeyLimits(max_running=limit)))
    return keys


class Handler:
    """Runs each job until ``opened`` is set, except jobs that are short."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.opened = threading.Event()

    async def __call__(self, job: Job, *_: Any) -> None:
        self.running[job.owner] += 1
        self.most[job.owner] = max(self.most[job.owner], self.running[job.owner])
        if not job.parameters.get("short"):
            await asyncio.to_thread(self.opened.wait)
        self.running[job.owner] -= 1


async def test_twelve_long_jobs_of_a_limited_key_leave_slots_to_another_key() -> None:
    handler, keys = Handler(), await keys_with(greedy=2)
    async with engine(handler, keys=keys, slots=3) as worker:
        greedy = [await worker.submit(owner="greedy", priority=9) for _ in range(12)]
        short = [await worker.submit(owner="other", parameters={"short": 1}) for _ in range(5)]
        for job_id in short:
            await worker.ended(job_id)
        assert handler.running["greedy"] == 2
        handler.opened.set()
        for job_id in greedy:
            await worker.ended(job_id)
    assert handler.most["greedy"] == 2


async def test_two_workers_keep_the_limit_together_and_end_all_jobs() -> None:
    handler, keys, jobs = Handler(), await keys_with(greedy=1), InMemoryJobRepository()
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(engine(handler, keys=keys, jobs=jobs)) for _ in range(2)
        ]
        submitted = [await first.submit(owner="greedy", parameters={"short": 1}) for _ in range(9)]
        for job_id in submitted:
            await second.ended(job_id)
    assert handler.most["greedy"] == 1


async def test_a_doorbell_does_not_start_a_job_above_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOOK_LATER_SEC", "DUE_SEC"):
        monkeypatch.setattr(manager, name, 60.0)
    handler, keys = Handler(), await keys_with(greedy=1)
    async with engine(handler, keys=keys, poll_interval_sec=60) as worker:
        worker.manager.consumer.listening = True
        submitted = [await worker.submit(owner="greedy") for _ in range(3)]
        for job_id in submitted:
            await worker.manager.ring("test", job_id)
        await worker.until(submitted[0], lambda job: job.status == "processing")
        await worker.manager.ring("test", submitted[1])
        other = await worker.submit(owner="other", parameters={"short": 1})
        await worker.manager.ring("test", other)
        await worker.ended(other)
        assert handler.most["greedy"] == 1
        handler.opened.set()
        for job_id in submitted:
            await worker.ended(job_id)
    assert handler.most["greedy"] == 1


async def test_limits_are_read_once_in_five_seconds_and_jobs_are_counted_for_limited_keys() -> None:
    class Counting(InMemoryJobRepository):
        counts = 0

        async def running_by_owner(self, owners: Any = None) -> dict[str, int]:
            Counting.counts += 1
            return await super().running_by_owner(owners)

    keys, seconds = await keys_with(greedy=2), [0.0]
    limits = RunningLimits(keys, Counting(), lambda: seconds[0])
    assert await limits.room(["other"]) == {}
    assert Counting.counts == 0
    assert await limits.room(["greedy", "other"]) == {"greedy": 2}
    await keys.change_limits("greedy", {"max_running": None})
    assert await limits.now() == {"greedy": 2}
    seconds[0] = OLDEST_SEC + 0.01
    assert await limits.now() == {}


class StuckTransactions(InMemoryJobRepository):
    """A killed process has left the transaction of a claim open: such claims end in no time."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = 0

    async def claim_within(self, *_: Any, **__: Any) -> list[Job]:
        self.tried += 1
        raise StoreUnavailable


async def test_a_claim_that_cannot_end_holds_back_only_the_jobs_of_its_key() -> None:
    jobs = StuckTransactions()
    handler = Handler()
    async with engine(handler, jobs=jobs, keys=await keys_with(limited=6), slots=2) as worker:
        stuck = [await worker.submit(owner="limited", priority=9) for _ in range(8)]
        free = [await worker.submit(owner="free", parameters={"short": True}) for _ in range(5)]
        for job_id in free:
            await worker.ended(job_id)
        assert {(await worker.until(one, bool)).status for one in stuck} == {JobStatus.PENDING}
        assert worker.leases.in_contact
    assert jobs.tried == 1


async def test_a_key_that_was_held_back_has_room_again_after_a_while() -> None:
    seconds = [0.0]
    limits = RunningLimits(await keys_with(a=2), InMemoryJobRepository(), lambda: seconds[0])
    limits.hold("a")
    assert await limits.room(["a"]) == {"a": 0}
    seconds[0] = HOLD_SEC
    assert await limits.room(["a"]) == {"a": 2}
