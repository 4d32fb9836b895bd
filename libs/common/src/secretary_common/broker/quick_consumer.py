"""Consumes quick doorbells (``topology``), which may be lost at any time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from secretary_common.broker import topology
from secretary_common.broker.connection import ANSWER_SEC, BROKER_ERRORS
from secretary_common.broker.queue_access import CHECK_AGAIN_SEC, QueueAccess
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

OnQuick = Callable[[str, bytes], Awaitable[None]]
"""Called with the queue of the doorbell that follows, and the body."""


class QuickConsumer:
    """Consumes the quick doorbells of some queues in one session, without acknowledgements.

    It has a channel of its own. So a broker that refuses or cancels it changes nothing else: the
    doorbells that follow are consumed as before.
    """

    def __init__(self, queues: Iterable[str], on_quick: OnQuick) -> None:
        """*queues* are those of the doorbells that follow."""
        self._queues = {topology.quick_queue(name): name for name in queues}
        self._on_quick = on_quick
        self._access = QueueAccess()
        self._channel: AbstractChannel | None = None
        self._may_open_at = 0.0

    async def open(self, connection: AbstractConnection) -> None:
        """Consume, unless this is done already, or the last try was a short time ago."""
        is_open = self._channel is not None and not self._channel.is_closed
        if is_open or not self._queues or time.monotonic() < self._may_open_at:
            return
        self._may_open_at = time.monotonic() + CHECK_AGAIN_SEC
        try:
            usable = [name for name in self._queues if await self._access.open(connection, name)]
            async with asyncio.timeout(ANSWER_SEC):
                self._channel = await connection.channel()
                await self._consume(self._channel, usable)
        except BROKER_ERRORS as error:
            log.warning("doorbell.never_quick", reason=f"{type(error).__name__}: {error}"[:300])
            await self._abandon()

    async def _consume(self, channel: AbstractChannel, names: Iterable[str]) -> None:
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: self._forget(channel))
        for name in names:
            queue = await channel.get_queue(name, ensure=False)
            await queue.consume(self._receive, no_ack=True)

    async def _abandon(self) -> None:
        """Close a channel that has not got all its consumers, so that ``open`` tries again."""
        channel, self._channel = self._channel, None
        if channel is not None:
            with contextlib.suppress(*BROKER_ERRORS):
                async with asyncio.timeout(ANSWER_SEC):
                    await channel.close()

    def _forget(self, channel: AbstractChannel) -> None:
        """Let ``open`` consume again: the broker has cancelled a consumer of *channel*."""
        if self._channel is channel:
            self._channel = None

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        name = message.routing_key or ""
        try:
            await self._on_quick(self._queues[name], message.body)
        except Exception as error:  # noqa: BLE001 - the doorbell that follows is answered again
            log.warning("doorbell.quick_failed", queue=name, reason=repr(error)[:300])
