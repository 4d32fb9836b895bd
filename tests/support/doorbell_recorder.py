"""A recorder of doorbells, and helpers that ring and ask the broker for its messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika.abc import AbstractChannel

from secretary_common.broker.job_consumer import JobConsumer
from secretary_common.broker.message import RingOutcome
from secretary_common.broker.publisher import Publisher

DEADLINE_SEC = 20.0


class DoorbellRecorder:
    """Consumes the doorbells of a job type, records them and answers each with ``answer``.

    A test may replace ``respond`` to answer in another way.
    """

    def __init__(
        self,
        url: str,
        job_type: str,
        answer: RingOutcome = RingOutcome.CLAIMED,
        *,
        slots: int = 1,
    ) -> None:
        self.received: list[str] = []
        self.shared: list[str] = []
        """Those of ``received`` that stand for several jobs."""
        self.answer = answer
        self.respond: Callable[[str], Awaitable[RingOutcome]] = self._respond
        self.consumer = JobConsumer(
            url, [job_type], self._on_ring, on_shared_ring=self._on_shared_ring, slots=slots
        )

    async def _on_ring(self, _: str, job_id: str) -> RingOutcome:
        self.received.append(job_id)
        return await self.respond(job_id)

    async def _on_shared_ring(self, job_type: str, job_id: str) -> RingOutcome:
        self.shared.append(job_id)
        return await self._on_ring(job_type, job_id)

    async def _respond(self, _: str) -> RingOutcome:
        return self.answer


async def until(
    holds: Callable[[], Awaitable[bool] | bool], *, timeout_sec: float = DEADLINE_SEC
) -> None:
    """Return when *holds* returns True."""
    async with asyncio.timeout(timeout_sec):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.05)


async def waiting(channel: AbstractChannel, queue: str) -> bool:
    """Return whether the queue has messages that no consumer has received."""
    declared = await channel.declare_queue(queue, passive=True)
    return bool(declared.declaration_result.message_count)


async def connected(publisher: Publisher, job_type: str) -> None:
    """Return when the broker confirms a ring."""
    await until(lambda: publisher.ring_job(job_type, "job-first"))


async def ringing(publisher: Publisher, job_type: str, recorder: DoorbellRecorder) -> bool:
    """Ring once more; return whether any of these rings has arrived."""
    await publisher.ring_job(job_type, "job-2")
    return "job-2" in recorder.received
