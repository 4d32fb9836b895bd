"""Consumes the doorbells of deliveries; acknowledges each after it was handled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from secretary_common.broker import topology
from secretary_common.broker.connection import Worked, keep_connected
from secretary_common.broker.message import OUTCOMES, RingOutcome, decode, handle
from secretary_common.broker.queue_access import QueueAccess
from secretary_common.broker.quick_consumer import QuickConsumer
from secretary_common.broker.subscription import Subscription
from secretary_common.errors import StoreUnavailable
from secretary_common.models import parse_delivery_id
from secretary_common.runtime.log import get_logger
from secretary_common.settings.service import QueueType

log = get_logger(__name__)

STORE_RETRY_SEC = 1.0
MOST_REMEMBERED = 1_000

OnDelivery = Callable[[str], Awaitable[None]]
"""Called with the id of the job whose delivery the doorbell is about."""


class DeliveryConsumer:
    """Consumes the doorbells of deliveries, and the quick ones before them."""

    def __init__(self, url: str, *, max_in_flight: int, queue_type: QueueType = "quorum") -> None:
        self._url = url
        self._access = QueueAccess(queue_type)
        self._max_in_flight = max_in_flight
        self._quick: dict[str, asyncio.Future[bool]] = {}
        """The quick doorbells whose other doorbell has not arrived, by delivery id, the latest
        last: whether they were handled."""

    async def listen(self, on_delivery: OnDelivery) -> None:
        """Call *on_delivery* with the job id of each doorbell, until cancelled.

        At most ``max_in_flight`` calls run at once, apart from those for quick doorbells. While
        MongoDB does not answer, a doorbell is kept and retried here, because the broker would
        deliver it again at once. The doorbell that follows a quick one makes no second call.
        """
        if self._url:
            await keep_connected(self._url, partial(self._session, on_delivery), role="listen")

    async def _session(
        self, on_delivery: OnDelivery, connection: AbstractConnection, worked: Worked
    ) -> None:
        subscription = await Subscription.open(
            self._url, connection, prefetch=self._max_in_flight, access=self._access
        )

        async def on_message(message: AbstractIncomingMessage) -> None:
            await handle(subscription, message, self._deliver(subscription, message, on_delivery))

        async def on_quick(_: str, body: bytes) -> None:
            await self._deliver_quickly(body, on_delivery)

        quick = QuickConsumer([topology.DELIVERIES], on_quick)
        await subscription.listen([topology.DELIVERIES], on_message)
        if subscription.listens:
            worked()
        never = asyncio.Event()
        while True:
            await quick.open(connection)
            await subscription.wait(never)
            await subscription.check()
            worked()

    async def _deliver_quickly(self, body: bytes, on_delivery: OnDelivery) -> None:
        delivery_id = topology.decode("delivery_id", body)
        self._quick[delivery_id] = handled = asyncio.get_running_loop().create_future()
        if len(self._quick) > MOST_REMEMBERED:
            del self._quick[next(iter(self._quick))]
        try:
            await _call(on_delivery, delivery_id)
            handled.set_result(True)
        finally:
            if not handled.done():
                handled.set_result(False)

    async def _was_quick(self, message: AbstractIncomingMessage, delivery_id: str) -> bool:
        """Return whether a quick doorbell with the body of *message* was handled here."""
        handled = self._quick.pop(delivery_id, None)
        return handled is not None and topology.HAS_QUICK in message.headers and await handled

    async def _deliver(
        self,
        subscription: Subscription,
        message: AbstractIncomingMessage,
        on_delivery: OnDelivery,
    ) -> None:
        delivery_id = await decode(subscription, message, "delivery_id")
        if delivery_id is None:
            return
        outcome = RingOutcome.GONE
        if not await self._was_quick(message, delivery_id):
            outcome = await _call_until_stored(on_delivery, delivery_id)
        OUTCOMES[topology.DELIVERIES, outcome].inc()
        await subscription.acknowledge(message)


async def _call_until_stored(on_delivery: OnDelivery, delivery_id: str) -> RingOutcome:
    while True:
        try:
            await _call(on_delivery, delivery_id)
        except StoreUnavailable:
            await asyncio.sleep(STORE_RETRY_SEC)
        except Exception as error:  # noqa: BLE001 - the doorbell must not be redelivered for ever
            log.error("doorbell.crashed", exc=error, delivery_id=delivery_id)
            return RingOutcome.CRASHED
        else:
            return RingOutcome.CLAIMED


async def _call(on_delivery: OnDelivery, delivery_id: str) -> None:
    try:
        job_id, _ = parse_delivery_id(delivery_id)
    except ValueError:
        log.warning("doorbell.unknown_delivery", delivery_id=delivery_id[:100])
        return
    await on_delivery(job_id)
