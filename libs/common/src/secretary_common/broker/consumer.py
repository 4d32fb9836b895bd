"""Hears doorbells: every message ends in exactly one of ack, dead-letter, give back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from secretary_common.broker import topology
from secretary_common.broker.connection import BROKER_ERRORS, keep_connected
from secretary_common.broker.subscription import Subscription
from secretary_common.errors import StoreUnavailable
from secretary_common.models import parse_delivery_id
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DOORBELLS_HEARD

log = get_logger(__name__)

STORE_RETRY_SEC = 1.0
DEAD_LETTER_RETRY_SEC = 5.0


class RingOutcome(StrEnum):
    """What became of a doorbell."""

    CLAIMED = "claimed"
    GONE = "gone"
    """Its job is taken, finished or unknown, or left to the look that is under way."""
    SCHEDULED = "scheduled"
    """Its job is not due yet: a timer was set for it."""
    PAUSED = "paused"
    """Jobs of its type are not to be started: it waits in MongoDB."""
    GIVEN_BACK = "given_back"
    """No slot was free, or MongoDB does not answer: somebody else may take it."""
    DEAD_LETTERED = "dead_lettered"
    CRASHED = "crashed"
    """Seeing to it failed in a way nobody foresaw: polling finds its job."""


OnRing = Callable[[str, str], Awaitable[RingOutcome]]
OnDelivery = Callable[[str], Awaitable[None]]


class JobConsumer:
    """Hears the doorbells of job types, but only while somebody has a free slot.

    ``resume`` and ``pause`` may be called at any time; the session follows them. A ring that comes
    when no slot is free is held until the consumers are cancelled and given back then, so that an
    idle worker gets it and this one does not get it again at once.
    """

    def __init__(self, url: str, job_types: Iterable[str], on_ring: OnRing) -> None:
        self._url = url
        self._queues = {topology.job_queue(name): name for name in job_types}
        self._on_ring = on_ring
        self._wanted = False
        self._changed = asyncio.Event()
        self._held: list[AbstractIncomingMessage] = []
        self.listening = False

    @property
    def configured(self) -> bool:
        """Whether there is a broker at all."""
        return bool(self._url)

    def resume(self) -> None:
        """A slot is free: listen."""
        self._want(wanted=True)

    def pause(self) -> None:
        """No slot is free: stop listening and give back what is held."""
        self._want(wanted=False)

    def _want(self, *, wanted: bool) -> None:
        if self._wanted is not wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Stay connected and listen on demand; runs until cancelled."""
        if self._url:
            await keep_connected(self._url, self._session, purpose="listen")

    async def _session(self, connection: AbstractConnection) -> None:
        self._held.clear()  # unacknowledged on the session before: the broker has them again
        ear = await Subscription.open(self._url, connection, prefetch=1)

        async def on_message(message: AbstractIncomingMessage) -> None:
            await _seen_to(ear, message, self._hear(ear, message))

        try:
            while True:
                self._changed.clear()
                await self._follow(ear, on_message)
                if await ear.until(self._changed):
                    await ear.check()
        finally:
            self.listening = False

    async def _follow(
        self, ear: Subscription, on_message: Callable[[AbstractIncomingMessage], Awaitable[None]]
    ) -> None:
        # What is held is given back only while nobody here listens, or it would come back here.
        if ear.listens and (self._held or not self._wanted):
            self.listening = False
            await ear.stop()
        held, self._held = self._held, []
        for message in held:
            await ear.give_back(message)
        if self._wanted and not ear.listens:
            await ear.listen(self._queues, on_message)
        self.listening = ear.listens

    async def _hear(self, ear: Subscription, message: AbstractIncomingMessage) -> None:
        queue = message.routing_key or ""
        job_id = await _decoded(ear, message, "job_id")
        if job_id is None:
            return
        try:
            heard = await self._on_ring(self._queues.get(queue, ""), job_id)
        except Exception as error:  # noqa: BLE001 - it must not come again and again
            log.error("doorbell.crashed", exc=error, queue=queue, job_id=job_id)
            heard = RingOutcome.CRASHED
        DOORBELLS_HEARD.labels(queue, heard).inc()
        if heard is RingOutcome.GIVEN_BACK:
            self._held.append(message)
            self._wanted = False
            self._changed.set()
        else:
            await ear.acknowledge(message)


class DeliveryConsumer:
    """Hears the doorbells of deliveries; each is acknowledged once its delivery is recorded."""

    def __init__(self, url: str, *, max_in_flight: int) -> None:
        self._url = url
        self._max_in_flight = max_in_flight

    @property
    def configured(self) -> bool:
        """Whether there is a broker at all."""
        return bool(self._url)

    async def listen(self, on_delivery: OnDelivery) -> None:
        """Call *on_delivery* with each delivery's job id, ``max_in_flight`` at once.

        Runs until cancelled.

        While MongoDB does not answer a ring is kept and tried again, not sent round in circles.
        """

        async def session(connection: AbstractConnection) -> None:
            ear = await Subscription.open(self._url, connection, prefetch=self._max_in_flight)

            async def on_message(message: AbstractIncomingMessage) -> None:
                await _seen_to(ear, message, _deliver(ear, message, on_delivery))

            await ear.listen([topology.DELIVERIES], on_message)
            never = asyncio.Event()
            while True:
                await ear.until(never)
                await ear.check()

        if self._url:
            await keep_connected(self._url, session, purpose="listen")


async def _seen_to(
    ear: Subscription, message: AbstractIncomingMessage, work: Awaitable[None]
) -> None:
    """Do *work*; if the broker fails meanwhile *message* is unacknowledged and comes again."""
    try:
        await work
    except BROKER_ERRORS as error:
        log.debug("doorbell.interrupted", queue=message.routing_key, reason=repr(error))
        ear.lost.set()


async def _decoded(ear: Subscription, message: AbstractIncomingMessage, field: str) -> str | None:
    """What *message* names; None: it names nothing and was dead-lettered."""
    try:
        return topology.decode(field, message.body)
    except ValueError as error:
        reason = str(error)[:200]
    while True:
        try:
            await ear.dead_letter(message, reason)
        except BROKER_ERRORS as error:  # kept meanwhile, so that it does not go round in circles
            log.warning("doorbell.not_dead_lettered", reason=repr(error)[:200])
            await asyncio.sleep(DEAD_LETTER_RETRY_SEC)
        else:
            DOORBELLS_HEARD.labels(message.routing_key or "", RingOutcome.DEAD_LETTERED).inc()
            return None


async def _deliver(
    ear: Subscription, message: AbstractIncomingMessage, on_delivery: OnDelivery
) -> None:
    delivery_id = await _decoded(ear, message, "delivery_id")
    if delivery_id is None:
        return
    heard = RingOutcome.CLAIMED
    while True:
        try:
            await _call(on_delivery, delivery_id)
        except StoreUnavailable:
            await asyncio.sleep(STORE_RETRY_SEC)
        except Exception as error:  # noqa: BLE001 - it must not come again and again
            log.error("doorbell.crashed", exc=error, delivery_id=delivery_id)
            heard = RingOutcome.CRASHED
            break
        else:
            break
    DOORBELLS_HEARD.labels(topology.DELIVERIES, heard).inc()
    await ear.acknowledge(message)


async def _call(on_delivery: OnDelivery, delivery_id: str) -> None:
    try:
        job_id, _ = parse_delivery_id(delivery_id)
    except ValueError:
        log.warning("doorbell.unknown_delivery", delivery_id=delivery_id[:100])
        return
    await on_delivery(job_id)
