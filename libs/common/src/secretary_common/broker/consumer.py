"""Consumes doorbells. Every message ends in exactly one of ack, dead-letter, give back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from secretary_common.broker import topology
from secretary_common.broker.connection import BROKER_ERRORS, Worked, keep_connected
from secretary_common.broker.queue_access import QueueAccess
from secretary_common.broker.subscription import Subscription
from secretary_common.errors import StoreUnavailable
from secretary_common.models import parse_delivery_id
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DOORBELLS_HEARD, Children

log = get_logger(__name__)
_heard = Children(DOORBELLS_HEARD)

MOST_RINGS = 32
"""The most unanswered doorbells of a job type that a worker holds."""
STORE_RETRY_SEC = 1.0
DEAD_LETTER_RETRY_SEC = 5.0


class RingOutcome(StrEnum):
    """The result of a doorbell."""

    CLAIMED = "claimed"
    GONE = "gone"
    """The job is claimed, finished or unknown, or the poll in progress will find it."""
    SCHEDULED = "scheduled"
    """The job is not due yet; a timer was set for it."""
    PAUSED = "paused"
    """The job type is paused; the job waits in MongoDB."""
    GIVEN_BACK = "given_back"
    """No slot is free, or MongoDB does not answer; another worker may claim the job."""
    DEAD_LETTERED = "dead_lettered"
    CRASHED = "crashed"
    """Handling the doorbell failed unexpectedly; a worker finds the job by polling."""


OnRing = Callable[[str, str], Awaitable[RingOutcome]]
OnDelivery = Callable[[str], Awaitable[None]]


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
        slots: int = MOST_RINGS,
    ) -> None:
        """Prepare to consume.

        Args:
            url: the broker's; empty: there is no broker.
            job_types: the types whose doorbells are consumed.
            on_ring: answers a doorbell. Up to ``MOST_RINGS`` calls run at once for each type.
            on_shared_ring: answers a doorbell that stands for several jobs; None: *on_ring*.
            slots: the slots of the worker. It holds no more unanswered doorbells of a type than
                this, because it could not take their jobs.
        """
        self._url = url
        self._prefetch = max(1, min(MOST_RINGS, slots))
        self._queues = {topology.job_queue(name): name for name in job_types}
        self._on_ring = on_ring
        self._on_shared_ring = on_shared_ring or on_ring
        self._wanted = False
        self._changed = asyncio.Event()
        self._kept: list[AbstractIncomingMessage] = []
        self._access = QueueAccess()
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
            await _handle(subscription, message, self._receive(subscription, message))

        try:
            while True:
                self._changed.clear()
                await self._follow(subscription, on_message)
                if self.listening:
                    worked()
                if await subscription.wait(self._changed):
                    await subscription.check()
                    worked()
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
        job_id = await _decode(subscription, message, "job_id")
        if job_id is None:
            return
        on_ring = self._on_shared_ring if topology.SHARED in message.headers else self._on_ring
        try:
            outcome = await on_ring(self._queues.get(queue, ""), job_id)
        except Exception as error:  # noqa: BLE001 - the doorbell must not be redelivered for ever
            log.error("doorbell.crashed", exc=error, queue=queue, job_id=job_id)
            outcome = RingOutcome.CRASHED
        _heard[queue, outcome].inc()
        if outcome is RingOutcome.GIVEN_BACK:
            self._kept.append(message)
            self._wanted = False
            self._changed.set()
        else:
            await subscription.acknowledge(message)


class DeliveryConsumer:
    """Consumes the doorbells of deliveries; acknowledges each after it was handled."""

    def __init__(self, url: str, *, max_in_flight: int) -> None:
        self._url = url
        self._max_in_flight = max_in_flight

    @property
    def configured(self) -> bool:
        """Whether a broker is configured."""
        return bool(self._url)

    async def listen(self, on_delivery: OnDelivery) -> None:
        """Call *on_delivery* with the job id of each doorbell, until cancelled.

        At most ``max_in_flight`` calls run at once. While MongoDB does not answer, a doorbell is
        kept and retried here, because the broker would deliver it again at once.
        """
        access = QueueAccess()

        async def session(connection: AbstractConnection, worked: Worked) -> None:
            subscription = await Subscription.open(
                self._url, connection, prefetch=self._max_in_flight, access=access
            )

            async def on_message(message: AbstractIncomingMessage) -> None:
                await _handle(subscription, message, _deliver(subscription, message, on_delivery))

            await subscription.listen([topology.DELIVERIES], on_message)
            if subscription.listens:
                worked()
            never = asyncio.Event()
            while True:
                await subscription.wait(never)
                await subscription.check()
                worked()

        if self._url:
            await keep_connected(self._url, session, role="listen")


async def _handle(
    subscription: Subscription, message: AbstractIncomingMessage, work: Awaitable[None]
) -> None:
    """Do *work*; if the broker fails, *message* stays unacknowledged and is redelivered."""
    try:
        await work
    except BROKER_ERRORS as error:
        log.debug("doorbell.interrupted", queue=message.routing_key, reason=repr(error))
        subscription.lost.set()


async def _decode(
    subscription: Subscription, message: AbstractIncomingMessage, field: str
) -> str | None:
    """Return *field* of *message*; None if it cannot be parsed and was dead-lettered."""
    try:
        return topology.decode(field, message.body)
    except ValueError as error:
        reason = str(error)[:200]
    while True:
        try:
            await subscription.dead_letter(message, reason)
        except BROKER_ERRORS as error:
            # The message is kept and retried here, or the broker would deliver it again at once.
            log.warning("doorbell.not_dead_lettered", reason=repr(error)[:200])
            await asyncio.sleep(DEAD_LETTER_RETRY_SEC)
        else:
            _heard[message.routing_key or "", RingOutcome.DEAD_LETTERED].inc()
            return None


async def _deliver(
    subscription: Subscription, message: AbstractIncomingMessage, on_delivery: OnDelivery
) -> None:
    delivery_id = await _decode(subscription, message, "delivery_id")
    if delivery_id is None:
        return
    outcome = RingOutcome.CLAIMED
    while True:
        try:
            await _call(on_delivery, delivery_id)
        except StoreUnavailable:
            await asyncio.sleep(STORE_RETRY_SEC)
        except Exception as error:  # noqa: BLE001 - the doorbell must not be redelivered for ever
            log.error("doorbell.crashed", exc=error, delivery_id=delivery_id)
            outcome = RingOutcome.CRASHED
            break
        else:
            break
    _heard[topology.DELIVERIES, outcome].inc()
    await subscription.acknowledge(message)


async def _call(on_delivery: OnDelivery, delivery_id: str) -> None:
    try:
        job_id, _ = parse_delivery_id(delivery_id)
    except ValueError:
        log.warning("doorbell.unknown_delivery", delivery_id=delivery_id[:100])
        return
    await on_delivery(job_id)
