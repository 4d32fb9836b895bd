"""Opens queues one by one, so that a queue the broker refuses does not stop the others.

A refused declaration closes its channel. Therefore each queue is declared on a channel of its own
before the session uses it.
"""

from __future__ import annotations

import asyncio
import time

from aio_pika.abc import AbstractConnection
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from secretary_common.broker import topology
from secretary_common.broker.connection import ANSWER_SEC
from secretary_common.runtime.log import get_logger
from secretary_common.settings.service import QueueType

log = get_logger(__name__)

CHECK_AGAIN_SEC = 60.0


class QueueAccess:
    """Opens queues, and remembers which ones the broker refuses; logs a refused queue once."""

    def __init__(self, queue_type: QueueType = "quorum") -> None:
        self.queue_type = queue_type
        self._refused: dict[str, str] = {}
        self._not_ours: set[str] = set()
        self._checked_at = time.monotonic()

    def may_declare(self, name: str) -> bool:
        """Return whether the user may create the queue; otherwise the queue must exist."""
        return name not in self._not_ours

    async def open(self, connection: AbstractConnection, name: str) -> bool:
        """Create the queue if it is missing; return whether it can be used.

        The broker refuses a queue that exists with other arguments. A user without the permission
        ``configure`` can use a queue that exists.
        """
        self._not_ours.discard(name)
        try:
            await _declare(connection, name, self.queue_type)
        except (ChannelPreconditionFailed, ChannelLockedResource) as error:
            return self._refuse(name, str(error), f"delete the queue {name}")
        except ChannelAccessRefused as error:
            if not await exists(connection, name):
                return self._refuse(
                    name, str(error), f"create the queue {name} with secretary-init and its user"
                )
            self._not_ours.add(name)
        if self._refused.pop(name, None):
            log.info("queue.usable", queue=name)
        return True

    def _refuse(self, name: str, reason: str, action: str) -> bool:
        if name not in self._refused:
            log.error("queue.refused", queue=name, reason=reason[:300], action=action)
        self._refused[name] = reason
        self._checked_at = time.monotonic()
        return False

    async def may_use_more(self, connection: AbstractConnection) -> bool:
        """Return whether a refused queue can be used now; all are checked once a minute."""
        if not self._refused or time.monotonic() - self._checked_at < CHECK_AGAIN_SEC:
            return False
        self._checked_at = time.monotonic()
        opened = [await self.open(connection, name) for name in list(self._refused)]
        return any(opened)


async def exists(connection: AbstractConnection, name: str) -> bool:
    """Return whether the queue exists. The check needs no permission."""
    async with asyncio.timeout(ANSWER_SEC):
        channel = await connection.channel()
        try:
            await channel.declare_queue(name, passive=True)
        except ChannelNotFoundEntity:
            return False
        await channel.close()
    return True


async def _declare(connection: AbstractConnection, name: str, queue_type: QueueType) -> None:
    async with asyncio.timeout(ANSWER_SEC):
        channel = await connection.channel()
        await topology.declare(channel, name, queue_type)
        await channel.close()
