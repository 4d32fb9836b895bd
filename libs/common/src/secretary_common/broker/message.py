"""The steps that consumers take with each message of a quorum queue, for jobs and deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from enum import StrEnum

from aio_pika.abc import AbstractIncomingMessage

from secretary_common.broker import topology
from secretary_common.broker.connection import BROKER_ERRORS
from secretary_common.broker.subscription import Subscription
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DOORBELLS_HEARD, Children

log = get_logger(__name__)

OUTCOMES = Children(DOORBELLS_HEARD)
"""Counts the doorbells by their queue and outcome."""

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


async def handle(
    subscription: Subscription, message: AbstractIncomingMessage, work: Awaitable[None]
) -> None:
    """Do *work*; if the broker fails, *message* stays unacknowledged and is redelivered."""
    try:
        await work
    except BROKER_ERRORS as error:
        log.debug("doorbell.interrupted", queue=message.routing_key, reason=repr(error))
        subscription.lost.set()


async def decode(
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
            OUTCOMES[message.routing_key or "", RingOutcome.DEAD_LETTERED].inc()
            return None
