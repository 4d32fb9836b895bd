"""Hears doorbells: every message ends in exactly one of ack, dead-letter, give back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from secretary_common.broker import topology
from secretary_common.broker.connection import BROKER_ERRORS, BrokerLost, keep_connected
from secretary_common.errors import StoreUnavailable
from secretary_common.log import get_logger
from secretary_common.metric import DOORBELLS_HEARD

log = get_logger(__name__)

WATCH_SEC = 10.0
STORE_RETRY_SEC = 1.0
# A node killed seconds after a quorum queue was made forgets the queue's members: the queue is
# there, but nobody answers for it, for ever (seen with RabbitMQ 3.10). Healthy ones answer in ms.
CONSUME_SEC = 4.0
DELETE_SEC = 15.0


class Heard(StrEnum):
    """What became of a doorbell."""

    CLAIMED = "claimed"
    GONE = "gone"
    """Its job is taken, finished or unknown."""
    GIVEN_BACK = "given_back"
    """No slot was free, or MongoDB does not answer: somebody else may take it."""
    DEAD_LETTERED = "dead_lettered"


OnRing = Callable[[str, str], Awaitable[Heard]]
OnDelivery = Callable[[str], Awaitable[None]]


class _Ear:
    """One session's channel: consumes queues on demand, notices when it has gone deaf."""

    def __init__(self, connection: AbstractConnection, channel: AbstractChannel) -> None:
        self._connection = connection
        self._channel = channel
        self._tags: dict[str, AbstractQueue] = {}
        self.lost = asyncio.Event()

    @classmethod
    async def open(cls, connection: AbstractConnection, prefetch: int) -> _Ear:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.set_qos(prefetch_count=prefetch)
        ear = cls(connection, channel)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: ear.lost.set())
        return ear

    @property
    def listens(self) -> bool:
        return bool(self._tags)

    async def listen(
        self, queues: Iterable[str], callback: Callable[[AbstractIncomingMessage], Awaitable[None]]
    ) -> None:
        for name in queues:
            queue = await topology.declare(self._channel, name)
            try:
                tag = await queue.consume(callback, timeout=CONSUME_SEC)
            except TimeoutError:
                await self._replace(name)
                raise BrokerLost("a queue that answers nobody was replaced") from None
            self._tags[tag] = queue

    async def _replace(self, name: str) -> None:
        """Delete the queue *name*: MongoDB has what its doorbells told of."""
        log.warning("queue.answers_nobody", queue=name)
        channel = await self._connection.channel()  # the timeout closed ours
        await channel.queue_delete(name, timeout=DELETE_SEC)

    async def stop(self) -> None:
        tags, self._tags = self._tags, {}
        for tag, queue in tags.items():
            await queue.cancel(tag)

    async def check(self) -> None:
        """Raise ``BrokerLost`` unless the broker still knows every consumer."""
        if self.lost.is_set() or self._channel.is_closed:
            raise BrokerLost("the channel or a consumer was cancelled by the broker")
        for queue in self._tags.values():
            seen = await self._channel.declare_queue(queue.name, passive=True)
            if not seen.declaration_result.consumer_count:
                raise BrokerLost("the broker does not know this consumer any more")

    async def dead_letter(self, message: AbstractIncomingMessage, reason: str) -> None:
        await topology.declare(self._channel, topology.DEAD)
        copy = Message(
            message.body,
            headers={"reason": reason, "queue": message.routing_key},
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        await self._channel.default_exchange.publish(copy, routing_key=topology.DEAD)
        await message.ack()
        log.warning("doorbell.dead_lettered", queue=message.routing_key, reason=reason)


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
        ear = await _Ear.open(connection, prefetch=1)

        async def on_message(message: AbstractIncomingMessage) -> None:
            with contextlib.suppress(*BROKER_ERRORS):  # unacknowledged: it comes again
                await self._hear(ear, message)

        try:
            while True:
                await ear.check()
                await self._follow(ear, on_message)
                await self._until_changed(ear)
        finally:
            self.listening = False

    async def _follow(
        self, ear: _Ear, on_message: Callable[[AbstractIncomingMessage], Awaitable[None]]
    ) -> None:
        self._changed.clear()
        if self._wanted and not ear.listens:
            await ear.listen(self._queues, on_message)
        elif not self._wanted and ear.listens:
            await ear.stop()
        self.listening = ear.listens
        if not ear.listens:
            held, self._held = self._held, []
            for message in held:
                await message.nack(requeue=True)

    async def _until_changed(self, ear: _Ear) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._changed, ear.lost)]
        try:
            await asyncio.wait(waits, timeout=WATCH_SEC, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _hear(self, ear: _Ear, message: AbstractIncomingMessage) -> None:
        queue = message.routing_key or ""
        try:
            job_id = topology.decode("job_id", message.body)
        except ValueError as error:
            await ear.dead_letter(message, str(error)[:200])
            DOORBELLS_HEARD.labels(queue, Heard.DEAD_LETTERED).inc()
            return
        heard = await self._on_ring(self._queues.get(queue, ""), job_id)
        DOORBELLS_HEARD.labels(queue, heard).inc()
        if heard is Heard.GIVEN_BACK:
            self._held.append(message)
            self._wanted = False
            self._changed.set()
        else:
            await message.ack()


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
        """Call *on_delivery* with each delivery id, ``max_in_flight`` at once; until cancelled.

        While MongoDB does not answer a ring is kept and tried again, not sent round in circles.
        """

        async def session(connection: AbstractConnection) -> None:
            ear = await _Ear.open(connection, prefetch=self._max_in_flight)

            async def on_message(message: AbstractIncomingMessage) -> None:
                with contextlib.suppress(*BROKER_ERRORS):  # unacknowledged: it comes again
                    await _deliver(ear, message, on_delivery)

            await ear.listen([topology.DELIVERIES], on_message)
            while True:
                await ear.check()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ear.lost.wait(), WATCH_SEC)

        if self._url:
            await keep_connected(self._url, session, purpose="listen")


async def _deliver(ear: _Ear, message: AbstractIncomingMessage, on_delivery: OnDelivery) -> None:
    try:
        delivery_id = topology.decode("delivery_id", message.body)
    except ValueError as error:
        await ear.dead_letter(message, str(error)[:200])
        DOORBELLS_HEARD.labels(topology.DELIVERIES, Heard.DEAD_LETTERED).inc()
        return
    while True:
        try:
            await on_delivery(delivery_id)
        except StoreUnavailable:
            await asyncio.sleep(STORE_RETRY_SEC)
        else:
            break
    DOORBELLS_HEARD.labels(topology.DELIVERIES, Heard.CLAIMED).inc()
    await message.ack()
