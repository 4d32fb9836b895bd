"""A full worker runs one more job, if it is of an API key that runs none there."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

from support.engine_harness import Engine, engine

from secretary_common.models import Job, JobStatus

SLOTS = 2


class Handler:
    """Runs long jobs until ``opened`` is set, and counts the jobs that run at the same time."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.opened = threading.Event()

    async def __call__(self, job: Job, *_: Any) -> None:
        for name in (job.owner, "all"):
            self.running[name] += 1
            self.most[name] = max(self.most[name], self.running[name])
        if job.parameters.get("long"):
            await asyncio.to_thread(self.opened.wait)
        for name in (job.owner, "all"):
            self.running[name] -= 1


async def filled(worker: Engine) -> list[str]:
    """Fill the slots with long jobs of the key A, which has more; return the ids of all."""
    ids = [
        await worker.submit(owner="A", priority=9, parameters={"long": True})
        for _ in range(2 * SLOTS)
    ]
    for job_id in ids[:SLOTS]:
        await worker.until(job_id, lambda job: job.status is JobStatus.PROCESSING)
    return ids


async def test_long_jobs_of_one_key_do_not_keep_another_key_waiting() -> None:
    handler = Handler()
    async with engine(handler, slots=SLOTS) as worker:
        long = await filled(worker)
        for _ in range(3):
            short = await worker.submit(owner="B", priority=0)
            assert (await worker.ended(short)).status is JobStatus.COMPLETED
        assert handler.running["A"] == SLOTS
        handler.opened.set()
        for job_id in long:
            await worker.ended(job_id)
    assert handler.most == {"A": SLOTS, "B": 1, "all": SLOTS + 1}


async def test_a_worker_has_one_guest_at_a_time_and_a_key_no_second_one() -> None:
    handler = Handler()
    async with engine(handler, slots=SLOTS) as worker:
        ids = await filled(worker)
        guest = await worker.submit(owner="B", parameters={"long": True})
        await worker.until(guest, lambda job: job.status is JobStatus.PROCESSING)
        ids += [guest, await worker.submit(owner="B"), await worker.submit(owner="C")]
        await worker.look()
        handler.opened.set()
        for job_id in ids:
            await worker.ended(job_id)
    assert handler.most["all"] == SLOTS + 1


async def test_without_a_guest_slot_no_more_jobs_run_than_there_are_slots() -> None:
    handler = Handler()
    async with engine(handler, slots=SLOTS, guest_slot=False) as worker:
        ids = [*await filled(worker), await worker.submit(owner="B")]
        await worker.look()
        handler.opened.set()
        for job_id in ids:
            await worker.ended(job_id)
    assert handler.most["all"] == SLOTS
