"""Checks whether the broker lets the services do their work, and reports what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import StrEnum

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed

from secretary_common.broker import topology
from secretary_common.broker.connection import ANSWER_SEC, BROKER_ERRORS, REFUSALS, connection_to
from secretary_common.settings.service import QueueType


class BrokerFault(StrEnum):
    """What is wrong with the broker."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    """The user, the password or the virtual host."""
    NO_PERMISSION = "no_permission"
    OTHER_ARGUMENTS = "other_arguments"
    """A queue exists, and was made with other arguments."""


async def inspect(
    url: str, queues: Iterable[str], queue_type: QueueType
) -> list[tuple[BrokerFault, str]]:
    """Return what is wrong, each with the broker's words; empty if the services can work.

    A user needs not have all rights: the API only writes, and the notifier makes no queues. So a
    user who may make a queue must also read it, and every user must write. Missing queues are made,
    as the services make them. A message is sent to no queue, and no message is taken.
    """
    try:
        async with connection_to(url) as connection:
            found = [await _refusal(connection, name, queue_type) for name in queues]
            found.append(await _unwritable(connection))
            return [one for one in found if one is not None]
    except REFUSALS as error:
        return [(BrokerFault.REFUSED, _words(error))]
    except BROKER_ERRORS as error:
        return [(BrokerFault.UNREACHABLE, _words(error))]


async def _refusal(
    connection: AbstractConnection, queue: str, queue_type: QueueType
) -> tuple[BrokerFault, str] | None:
    async with asyncio.timeout(ANSWER_SEC):
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        try:
            declared = await topology.declare(channel, queue, queue_type)
        except ChannelPreconditionFailed as error:
            return BrokerFault.OTHER_ARGUMENTS, f"{queue}: {_words(error)}"
        except ChannelAccessRefused:
            return None  # it may not make queues, so the arguments cannot be compared
        try:
            await declared.cancel(await declared.consume(_never))
        except ChannelAccessRefused as error:
            return BrokerFault.NO_PERMISSION, f"{queue}: {_words(error)}"
        await channel.close()
    return None


async def _unwritable(connection: AbstractConnection) -> tuple[BrokerFault, str] | None:
    async with asyncio.timeout(ANSWER_SEC):
        channel = await connection.channel(publisher_confirms=True)
        message = aio_pika.Message(b"", expiration=0)
        try:
            await channel.default_exchange.publish(message, "secretary.nobody", mandatory=False)
        except ChannelAccessRefused as error:
            return BrokerFault.NO_PERMISSION, _words(error)
        await channel.close()
    return None


async def _never(_message: object) -> None:
    """Take no message: a message that comes meanwhile returns to its queue with the channel."""


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
