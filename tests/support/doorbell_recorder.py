"""What the doorbell's tests share: an ear that remembers, a look at the broker from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika.abc import AbstractChannel

from secretary_common.broker.consumer import JobConsumer, RingOutcome
from secretary_common.broker.publisher import Publisher

DEADLINE_SEC = 20.0


class Subscription:
    """What a worker hears, and what it answers."""

    def __init__(self, url: str, job_type: str, answer: RingOutcome = RingOutcome.CLAIMED) -> None:
        self.heard: list[str] = []
        self.answer = answer
        self.consumer = JobConsumer(url, [job_type], self.on_ring)

    async def on_ring(self, _: str, job_id: str) -> RingOutcome:
        self.heard.append(job_id)
        return self.answer


async def until(
    holds: Callable[[], Awaitable[bool] | bool], *, timeout_sec: float = DEADLINE_SEC
) -> None:
    async with asyncio.timeout(timeout_sec):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.05)


async def waiting(channel: AbstractChannel, queue: str) -> bool:
    """Whether there are messages that nobody has been given."""
    declared = await channel.declare_queue(queue, passive=True)
    return bool(declared.declaration_result.message_count)


async def connected(publisher: Publisher, job_type: str) -> None:
    """Return when a ring is confirmed."""
    await until(lambda: publisher.ring_job(job_type, "job-first"))


async def ringing(publisher: Publisher, job_type: str, ear: Subscription) -> bool:
    """Ring once more; whether any such ring was heard so far."""
    await publisher.ring_job(job_type, "job-2")
    return "job-2" in ear.heard
