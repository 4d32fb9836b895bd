"""Logs and counts the attempts of deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta

from secretary_common.models import Delivery
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import Children
from secretary_notifier.metrics import (
    DELIVERIES_ATTEMPTED,
    DELIVERIES_ENDED,
    DELIVERIES_STARVED,
    DELIVERIES_UNOPENED,
    DELIVERY_SECONDS,
)
from secretary_notifier.verdict import Answer, DeliveryVerdict

log = get_logger(__name__)

_attempted = Children(DELIVERIES_ATTEMPTED)
_ended = Children(DELIVERIES_ENDED)

SILENCE = timedelta(minutes=1)
"""The shortest time between two log lines about deliveries that this notifier cannot send."""


class AttemptLog:
    """Logs and counts the outcomes of attempts."""

    def __init__(self, clock: Clock) -> None:
        self._missing_keys = _RareError(clock, "delivery.unopened")
        self._shortages = _RareError(clock, "notifier.shortage")

    def log_outcome(
        self, delivery: Delivery, answer: Answer | None, verdict: DeliveryVerdict
    ) -> None:
        """Log one outcome, and count it; without an *answer* only the end is counted."""
        if verdict.is_final:
            _ended[verdict.state.value,].inc()
        if answer is not None and answer.is_attempt:
            _log_request(delivery, answer, verdict)
            return
        reason = verdict.reason or (answer and answer.error)
        log.info("delivery.not_sent", state=verdict.state.value, reason=reason)
        if answer is None:
            return
        if answer.lacks_key:
            DELIVERIES_UNOPENED.inc()
            self._missing_keys.record(
                "sealed with a key that is not in security.encryption_keys; it waits unsent"
            )
        else:
            DELIVERIES_STARVED.inc()
            self._shortages.record(str(answer.error))


class _RareError:
    """An error of many deliveries, logged at most once a minute with their number."""

    def __init__(self, clock: Clock, event: str) -> None:
        self._clock = clock
        self._event = event
        self._count = 0
        self._silent_until: datetime | None = None

    def record(self, reason: str) -> None:
        self._count += 1
        now = self._clock.now()
        if self._silent_until is not None and now < self._silent_until:
            return
        log.error(self._event, count=self._count, reason=reason)
        self._count, self._silent_until = 0, now + SILENCE


def _log_request(delivery: Delivery, answer: Answer, verdict: DeliveryVerdict) -> None:
    outcome = "delivered" if answer.is_success else "failed"
    _attempted[outcome,].inc()
    DELIVERY_SECONDS.observe(answer.duration_ms / 1000)
    log.info(
        "delivery.attempted",
        outcome=outcome,
        state=verdict.state.value,
        phase=delivery.phase.value,
        seq=delivery.seq,
        attempt=len(delivery.attempts) + 1,
        origin=delivery.origin,
        status_code=answer.status_code,
        duration_ms=answer.duration_ms,
        error=answer.error_class,
        next_attempt_at=verdict.next_attempt_at,
    )
