"""Consumes the doorbells of jobs. Each message ends in one of ack, dead-letter, give back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from secretary_common.broker import topology
from secretary_common.broker.connection import Worked, keep_connected
from secretary_common.broker.message import OUTCOMES, RingOutcome, decode, handle
from secretary_common.broker.queue_access import QueueAccess
from secretary_common.broker.quick_consumer import QuickConsumer
from secretary_common.broker.subscription import Subscription
from secretary_common.runtime.log import get_logger
from secretary_common.settings.service import QueueType

log = get_logger(__name__)

MOST_REMEMBERED = 1_000
FOLLOWS_WITHIN_SEC = 1.0
"""A doorbell that comes later after a quick one is answered like any other."""
MOST_RINGS = 32
"""The most unanswered doorbells of a job type that a worker holds."""

OnRing = Callable[[str, str], Awaitable[RingOutcome]]


class JobConsumer:
    """Consumes the doorbells of job types, but only while the worker has a free slot.

    ``resume`` and ``pause`` may be called at any time; the session follows them. A doorbell that
    arrives when no slot is free is kept until the consumers are cancelled, then given back. So an
    idle worker gets this doorbell, and this worker does not get it again at once.
    """

    def __init__(
        self,
        url: str,
        job_types: Iterable[str],
        on_ring: OnRing,
        *,
        on_shared_ring: OnRing | None = None,
        on_quick_ring: OnRing | None = None,
        slots: int = MOST_RINGS,
        queue_type: QueueType = "quorum",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to consume.

        Args:
            url: the broker's; empty: there is no broker.
            job_types: the types whose doorbells are consumed.
            on_ring: answers a doorbell. Up to ``MOST_RINGS`` calls run at once for each type.
            on_shared_ring: answers a doorbell that stands for several jobs; None: *on_ring*.
            on_quick_ring: answers a quick doorbell; None: there are none. Its outcome is only
                counted.
            slots: the slots of the worker. It holds no more unanswered doorbells of a type than
                this, because it could not take their jobs.
            queue_type: of the queues, should they be missing.
            monotonic: returns the monotonic time in seconds.
        """
        self._url = url
        self._prefetch = max(1, min(MOST_RINGS, slots))
        self._queues = {topology.job_queue(name): name for name in job_types}
        self._on_ring = on_ring
        self._on_shared_ring = on_shared_ring or on_ring
        self._on_quick_ring = on_quick_ring
        self._monotonic = monotonic
        self._claimed_quickly: dict[str, float] = {}
        """The jobs that quick doorbells have claimed, with the time. The other doorbell of each may
        still come, here or to another worker."""
        self._wanted = False
        self._changed = asyncio.Event()
        self._kept: list[AbstractIncomingMessage] = []
        self._access = QueueAccess(queue_type)
        self.listening = False

    @property
    def configured(self) -> bool:
        """Whether a broker is configured."""
        return bool(self._url)

    def resume(self) -> None:
        """Start consuming: a slot is free."""
        self._want(wanted=True)

    def pause(self) -> None:
        """Stop consuming and give back kept doorbells: no slot is free."""
        self._want(wanted=False)

    def _want(self, *, wanted: bool) -> None:
        if self._wanted is not wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Stay connected and consume on demand, until cancelled."""
        if self._url:
            await keep_connected(self._url, self._session, role="listen")

    async def _session(self, connection: AbstractConnection, worked: Worked) -> None:
        self._kept.clear()  # unacknowledged in the previous session: the broker has them again
        subscription = await Subscription.open(
            self._url, connection, prefetch=self._prefetch, access=self._access
        )

        async def on_message(message: AbstractIncomingMessage) -> None:
            await handle(subscription, message, self._receive(subscription, message))

        quick = QuickConsumer(self._queues if self._on_quick_ring else (), self._receive_quick)
        await quick.open(connection)
        try:
            while True:
                self._changed.clear()
                await self._follow(subscription, on_message)
                if self.listening:
                    worked()
                if await subscription.wait(self._changed):
                    await subscription.check()
                    worked()
                    await quick.open(connection)
        finally:
            self.listening = False

    async def _follow(
        self,
        subscription: Subscription,
        on_message: Callable[[AbstractIncomingMessage], Awaitable[None]],
    ) -> None:
        # Kept doorbells are given back only while this worker does not consume, or the broker would
        # deliver them here again.
        if subscription.listens and (self._kept or not self._wanted):
            self.listening = False
            await subscription.stop()
        kept, self._kept = self._kept, []
        for message in kept:
            await subscription.give_back(message)
        if self._wanted and not subscription.listens:
            await subscription.listen(self._queues, on_message)
        self.listening = subscription.listens

    async def _receive(self, subscription: Subscription, message: AbstractIncomingMessage) -> None:
        queue = message.routing_key or ""
        job_id = await decode(subscription, message, "job_id")
        if job_id is None:
            return
        if topology.HAS_QUICK in message.headers and self._was_claimed_quickly(job_id):
            OUTCOMES[queue, RingOutcome.GONE].inc()
            await subscription.acknowledge(message)
            return
        on_ring = self._on_shared_ring if topology.SHARED in message.headers else self._on_ring
        try:
            outcome = await on_ring(self._queues.get(queue, ""), job_id)
        except Exception as error:  # noqa: BLE001 - the doorbell must not be redelivered for ever
            log.error("doorbell.crashed", exc=error, queue=queue, job_id=job_id)
            outcome = RingOutcome.CRASHED
        OUTCOMES[queue, outcome].inc()
        if outcome is RingOutcome.GIVEN_BACK:
            self._kept.append(message)
            self._wanted = False
            self._changed.set()
        else:
            await subscription.acknowledge(message)

    def _was_claimed_quickly(self, job_id: str) -> bool:
        """Return whether a quick doorbell has claimed the job a moment ago.

        An earlier claim says nothing: the job may wait again, and this doorbell be about that.
        """
        claimed_at = self._claimed_quickly.pop(job_id, None)
        return claimed_at is not None and self._monotonic() - claimed_at <= FOLLOWS_WITHIN_SEC

    async def _receive_quick(self, queue: str, body: bytes) -> None:
        """Answer a quick doorbell. It is ignored if this worker wants none: another one follows."""
        if self._on_quick_ring is None or not self._wanted:
            return
        job_id = topology.decode("job_id", body)
        outcome = await self._on_quick_ring(self._queues[queue], job_id)
        if outcome is RingOutcome.CLAIMED:
            self._claimed_quickly[job_id] = self._monotonic()
            if len(self._claimed_quickly) > MOST_REMEMBERED:
                del self._claimed_quickly[next(iter(self._claimed_quickly))]
        OUTCOMES[topology.quick_queue(queue), outcome].inc()
