"""One session's ear at the broker: consumes queues on demand, notices when it has gone deaf."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from secretary_common.broker import topology
from secretary_common.broker.connection import ANSWER_SEC, WATCH_SEC, BrokerLost, connection_to
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

# A node killed seconds after a quorum queue was made forgets the queue's members: the queue is
# there, but nobody answers for it, for ever (seen with RabbitMQ 3.10).
DELETE_SEC = 15.0
# A quorum queue whose leader does not answer in 250 ms is told of as having no consumer.
SECOND_LOOK_SEC = 1.0

OnMessage = Callable[[AbstractIncomingMessage], Awaitable[None]]


@dataclass(slots=True)
class _Consumed:
    """A queue that is listened to."""

    queue: AbstractQueue
    tag: str
    on_message: OnMessage
    heard: int = 0
    """Messages that came."""
    under_way: int = 0
    """Those of them that are being seen to."""
    heard_before: int | None = None
    """``heard`` at the last check, if messages were lying there with nothing under way."""

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """See to a message."""
        self.heard += 1
        self.under_way += 1
        try:
            await self.on_message(message)
        finally:
            self.under_way -= 1

    def is_deaf(self, waiting: int) -> bool:
        """Whether nothing came since the last check though *waiting* messages lie there."""
        idle = waiting > 0 and self.under_way == 0
        deaf = idle and self.heard_before == self.heard
        self.heard_before = self.heard if idle else None
        return deaf


class Subscription:
    """A channel with its consumers. Its methods raise ``BROKER_ERRORS`` and ``BrokerLost``."""

    def __init__(self, url: str, connection: AbstractConnection, channel: AbstractChannel) -> None:
        self._url = url
        self._connection = connection
        self._channel = channel
        self._consumed: list[_Consumed] = []
        self.lost = asyncio.Event()
        """Set when the session must end: its channel or a consumer is gone."""

    @classmethod
    async def open(cls, url: str, connection: AbstractConnection, prefetch: int) -> Subscription:
        """An ear on *connection*, given *prefetch* messages a queue at once."""
        async with asyncio.timeout(ANSWER_SEC):
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=prefetch)
            ear = cls(url, connection, channel)
            underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: ear.lost.set())
        return ear

    @property
    def listens(self) -> bool:
        """Whether any queue is listened to."""
        return bool(self._consumed)

    async def listen(self, queues: Iterable[str], on_message: OnMessage) -> None:
        """Give *on_message* what comes into *queues*, which are made if they are missing."""
        for name in queues:
            async with asyncio.timeout(ANSWER_SEC):
                queue = await topology.declare(self._channel, name)
            consumed = _Consumed(queue, "", on_message)
            try:
                consumed.tag = await queue.consume(consumed.hear, timeout=ANSWER_SEC)
            except TimeoutError:
                await self._replace(name)
                raise BrokerLost("a queue that answers nobody was replaced") from None
            self._consumed.append(consumed)

    async def stop(self) -> None:
        """Listen no more."""
        consumed, self._consumed = self._consumed, []
        for each in consumed:
            async with asyncio.timeout(ANSWER_SEC):
                await each.queue.cancel(each.tag)

    async def until(self, changed: asyncio.Event) -> bool:
        """Wait for *changed*, a loss or the next check; whether it is time for one."""
        waits = [asyncio.ensure_future(event.wait()) for event in (changed, self.lost)]
        try:
            await asyncio.wait(waits, timeout=WATCH_SEC, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self.lost.is_set() or not changed.is_set()

    async def check(self) -> None:
        """Raise unless the broker answers, knows every consumer and gives them what there is."""
        if self.lost.is_set() or self._channel.is_closed:
            raise BrokerLost("the channel or a consumer was cancelled by the broker")
        for consumed in self._consumed:
            await self._check_queue(consumed)
        if not self._consumed:  # anything the broker has to answer
            async with asyncio.timeout(ANSWER_SEC):
                await self._channel.set_qos(prefetch_count=1)

    async def _check_queue(self, consumed: _Consumed) -> None:
        waiting, consumers = await self._counts(consumed.queue.name)
        if not consumers:
            await asyncio.sleep(SECOND_LOOK_SEC)
            waiting, consumers = await self._counts(consumed.queue.name)
        if consumed in self._consumed and not consumers:
            raise BrokerLost("the broker does not know this consumer any more")
        if consumed.is_deaf(waiting):
            raise BrokerLost("messages lie there, but none is delivered")

    async def _counts(self, name: str) -> tuple[int, int]:
        """Messages that wait in a queue, and its consumers."""
        async with asyncio.timeout(ANSWER_SEC):
            seen = await self._channel.declare_queue(name, passive=True)
        result = seen.declaration_result
        return result.message_count or 0, result.consumer_count or 0

    async def _replace(self, name: str) -> None:
        """Delete the queue *name*: MongoDB has what its doorbells told of."""
        log.warning("queue.answers_nobody", queue=name)
        async with asyncio.timeout(ANSWER_SEC):
            channel = await self._connection.channel()  # the timeout closed ours
        async with asyncio.timeout(DELETE_SEC):
            await channel.queue_delete(name)

    async def dead_letter(self, message: AbstractIncomingMessage, reason: str) -> None:
        """Put *message* into ``secretary.dead``, then forget it here.

        On a connection of its own: a broker short of memory reads nothing more from one that has
        published, and this one has to hear.
        """
        copy = Message(
            message.body,
            headers={"reason": reason, "queue": message.routing_key},
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        async with connection_to(self._url) as connection, asyncio.timeout(ANSWER_SEC):
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            await topology.declare(channel, topology.DEAD)
            await channel.default_exchange.publish(copy, routing_key=topology.DEAD)
        await self.acknowledge(message)
        log.warning("doorbell.dead_lettered", queue=message.routing_key, reason=reason)

    async def acknowledge(self, message: AbstractIncomingMessage) -> None:
        """Forget *message*: the broker need not bring it again."""
        async with asyncio.timeout(ANSWER_SEC):
            await message.ack()

    async def give_back(self, message: AbstractIncomingMessage) -> None:
        """Let somebody else have *message*."""
        async with asyncio.timeout(ANSWER_SEC):
            await message.nack(requeue=True)
