"""Consumes queues on demand in one session, and notices when messages no longer arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from secretary_common.broker import topology
from secretary_common.broker.connection import ANSWER_SEC, WATCH_SEC, BrokerLost, connection_to
from secretary_common.broker.queue_access import QueueAccess
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

# A node that is killed seconds after a quorum queue was created forgets the queue's members: the
# queue exists but never answers (seen with RabbitMQ 3.10).
DELETE_SEC = 15.0
# RabbitMQ reports no consumer for a quorum queue whose leader does not answer within 250 ms.
SECOND_CHECK_SEC = 1.0

OnMessage = Callable[[AbstractIncomingMessage], Awaitable[None]]


@dataclass(slots=True)
class _Consumer:
    """A queue that is consumed."""

    queue: AbstractQueue
    tag: str
    on_message: OnMessage
    received: int = 0
    """The number of messages that arrived."""
    in_progress: int = 0
    """The number of messages that are being handled."""
    received_before: int | None = None
    """``received`` at the last check, if messages waited and none was being handled."""

    async def receive(self, message: AbstractIncomingMessage) -> None:
        """Handle a message."""
        self.received += 1
        self.in_progress += 1
        try:
            await self.on_message(message)
        finally:
            self.in_progress -= 1

    def is_stuck(self, waiting: int) -> bool:
        """Return whether messages wait, none is handled and none arrived since the last check."""
        idle = waiting > 0 and self.in_progress == 0
        stuck = idle and self.received_before == self.received
        self.received_before = self.received if idle else None
        return stuck


class Subscription:
    """A channel with its consumers. Its methods raise ``BROKER_ERRORS`` and ``BrokerLost``."""

    def __init__(
        self,
        url: str,
        connection: AbstractConnection,
        channel: AbstractChannel,
        *,
        prefetch: int,
        access: QueueAccess,
    ) -> None:
        self._url = url
        self._connection = connection
        self._prefetch = prefetch
        self._access = access
        self._usable: dict[str, bool] = {}
        """Whether a queue can be used in this session."""
        self._declared: dict[str, AbstractQueue] = {}
        self._channel = channel
        self._consumers: list[_Consumer] = []
        self.lost = asyncio.Event()
        """Set when the session must end, because its channel or a consumer is gone."""

    @classmethod
    async def open(
        cls, url: str, connection: AbstractConnection, prefetch: int, access: QueueAccess
    ) -> Subscription:
        """Open a subscription; each queue delivers at most *prefetch* unacknowledged messages."""
        async with asyncio.timeout(ANSWER_SEC):
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=prefetch)
            subscription = cls(url, connection, channel, prefetch=prefetch, access=access)
            underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: subscription.lost.set())
        return subscription

    @property
    def listens(self) -> bool:
        """Whether any queue is consumed."""
        return bool(self._consumers)

    async def listen(self, queues: Iterable[str], on_message: OnMessage) -> None:
        """Call *on_message* with each message of *queues*; missing queues are created.

        Queues that the broker refuses are left out: their jobs are found by polling.
        """
        for name in queues:
            if name not in self._usable:
                self._usable[name] = await self._access.open(self._connection, name)
            if not self._usable[name]:
                continue
            if name not in self._declared:
                async with asyncio.timeout(ANSWER_SEC):
                    self._declared[name] = await self._queue(name)
            queue = self._declared[name]
            consumer = _Consumer(queue, "", on_message)
            try:
                consumer.tag = await queue.consume(consumer.receive, timeout=ANSWER_SEC)
            except TimeoutError:
                await self._replace(name)
                raise BrokerLost("a queue that did not answer was replaced") from None
            self._consumers.append(consumer)

    async def _queue(self, name: str) -> AbstractQueue:
        if self._access.may_declare(name):
            return await topology.declare(self._channel, name, self._access.queue_type)
        return await self._channel.get_queue(name, ensure=False)

    async def stop(self) -> None:
        """Stop consuming."""
        consumers, self._consumers = self._consumers, []
        for each in consumers:
            async with asyncio.timeout(ANSWER_SEC):
                await each.queue.cancel(each.tag)

    async def wait(self, changed: asyncio.Event) -> bool:
        """Wait for *changed*, a loss or the next check; return whether a check is due."""
        waits = [asyncio.ensure_future(event.wait()) for event in (changed, self.lost)]
        try:
            await asyncio.wait(waits, timeout=WATCH_SEC, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self.lost.is_set() or not changed.is_set()

    async def check(self) -> None:
        """Check that the broker answers, knows every consumer and delivers waiting messages."""
        if self.lost.is_set() or self._channel.is_closed:
            raise BrokerLost("the channel or a consumer was cancelled by the broker")
        for consumer in self._consumers:
            await self._check_queue(consumer)
        if await self._access.may_use_more(self._connection):
            raise BrokerLost("a queue that was refused can be used")
        if not self._consumers:  # any call that the broker must answer
            async with asyncio.timeout(ANSWER_SEC):
                await self._channel.set_qos(prefetch_count=self._prefetch)

    async def _check_queue(self, consumer: _Consumer) -> None:
        waiting, consumers = await self._counts(consumer.queue.name)
        if not consumers:
            await asyncio.sleep(SECOND_CHECK_SEC)
            waiting, consumers = await self._counts(consumer.queue.name)
        if consumer in self._consumers and not consumers:
            raise BrokerLost("the broker does not know this consumer any more")
        if consumer.is_stuck(waiting):
            raise BrokerLost("messages wait, but the broker delivers none")

    async def _counts(self, name: str) -> tuple[int, int]:
        """Return the numbers of waiting messages and of consumers of a queue."""
        async with asyncio.timeout(ANSWER_SEC):
            seen = await self._channel.declare_queue(name, passive=True)
        result = seen.declaration_result
        return result.message_count or 0, result.consumer_count or 0

    async def _replace(self, name: str) -> None:
        """Delete the queue *name*; the next session creates it. Polling finds its work."""
        log.warning("queue.answers_nobody", queue=name)
        async with asyncio.timeout(ANSWER_SEC):
            channel = await self._connection.channel()  # the timeout has closed the other channel
        async with asyncio.timeout(DELETE_SEC):
            await channel.queue_delete(name)

    async def dead_letter(self, message: AbstractIncomingMessage, reason: str) -> None:
        """Publish *message* to ``secretary.dead``, then acknowledge it.

        The copy uses a new connection: a broker with too little memory stops reading from
        connections that publish, and the old connection must keep consuming.
        """
        copy = Message(
            message.body,
            headers={"reason": reason, "queue": message.routing_key},
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        async with connection_to(self._url) as connection, asyncio.timeout(ANSWER_SEC):
            await QueueAccess(self._access.queue_type).open(connection, topology.DEAD)
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            await channel.default_exchange.publish(copy, routing_key=topology.DEAD)
        await self.acknowledge(message)
        log.warning("doorbell.dead_lettered", queue=message.routing_key, reason=reason)

    async def acknowledge(self, message: AbstractIncomingMessage) -> None:
        """Acknowledge *message*, so that the broker does not deliver it again."""
        async with asyncio.timeout(ANSWER_SEC):
            await message.ack()

    async def give_back(self, message: AbstractIncomingMessage) -> None:
        """Return *message* to its queue, for another consumer."""
        async with asyncio.timeout(ANSWER_SEC):
            await message.nack(requeue=True)
