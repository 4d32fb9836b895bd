"""The notifier's two periodic tasks: report that it is alive, remove expired deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from secretary_common.errors import StoreUnavailable
from secretary_common.models import NOTIFIER_REPORT_SEC
from secretary_common.ports import DeliveryQueue, NotifierRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

SWEEP_SEC = 60.0


async def report_alive(
    notifiers: NotifierRepository,
    owner: str,
    clock: Clock,
    facts: Callable[[], Mapping[str, object]],
) -> None:
    """Report that the notifier *owner* is alive, with *facts*, every few seconds.

    Runs until cancelled.
    """
    while True:
        try:
            await notifiers.report(owner, clock.now(), facts())
        except StoreUnavailable:
            log.debug("notifier.unreported")
        await asyncio.sleep(NOTIFIER_REPORT_SEC)


async def sweep(deliveries: DeliveryQueue, clock: Clock) -> None:
    """Remove expired deliveries every minute; runs until cancelled."""
    while True:
        try:
            removed = await deliveries.remove_expired(clock.now())
        except StoreUnavailable:
            log.debug("deliveries.unswept")
        else:
            if removed:
                log.info("deliveries.swept", removed=removed)
        await asyncio.sleep(SWEEP_SEC)
