"""The notifier's two periodic tasks: report that it is alive, remove expired deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from secretary_common.models import NOTIFIER_REPORT_SEC
from secretary_common.ports import DeliveryQueue, NotifierRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import Failures, resilient_loop

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

    async def report() -> None:
        await notifiers.report(owner, clock.now(), facts())

    failures = Failures("heartbeat", longest_wait_sec=NOTIFIER_REPORT_SEC)
    await resilient_loop("heartbeat", report, pause_sec=NOTIFIER_REPORT_SEC, failures=failures)


async def sweep(deliveries: DeliveryQueue, clock: Clock) -> None:
    """Remove expired deliveries every minute; runs until cancelled."""

    async def sweep_once() -> None:
        if removed := await deliveries.remove_expired(clock.now()):
            log.info("deliveries.swept", removed=removed)

    failures = Failures("sweeper", first_wait_sec=SWEEP_SEC, longest_wait_sec=SWEEP_SEC)
    await resilient_loop("sweeper", sweep_once, pause_sec=SWEEP_SEC, failures=failures)
