"""What the log and the metrics say about attempts."""

from __future__ import annotations

from datetime import datetime, timedelta

from secretary_common.models import Delivery
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import (
    DELIVERIES_ATTEMPTED,
    DELIVERIES_UNOPENED,
    DELIVERY_SECONDS,
)
from secretary_notifier.verdict import Answer, Verdict

log = get_logger(__name__)

MISSING_KEY_SILENCE = timedelta(minutes=1)
"""Between two errors in the log about deliveries whose key this notifier lacks."""


class AttemptLog:
    """Logs and counts the outcomes of attempts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._missing_keys = 0
        self._silent_until: datetime | None = None

    def note(self, delivery: Delivery, answer: Answer | None, verdict: Verdict) -> None:
        """Log and count one outcome; *answer* is None if no request was made."""
        if answer is not None and not answer.lacks_key:
            _note_request(delivery, answer, verdict)
            return
        log.info("delivery.not_sent", state=verdict.state.value, reason=verdict.reason)
        if answer is not None:
            self._note_missing_key()

    def _note_missing_key(self) -> None:
        """Count the delivery; log an error with the number of them, once a minute at most."""
        DELIVERIES_UNOPENED.inc()
        self._missing_keys += 1
        now = self._clock.now()
        if self._silent_until is not None and now < self._silent_until:
            return
        log.error(
            "delivery.unopened",
            count=self._missing_keys,
            reason="sealed with a key that is not in security.encryption_keys; it waits unsent",
        )
        self._missing_keys, self._silent_until = 0, now + MISSING_KEY_SILENCE


def _note_request(delivery: Delivery, answer: Answer, verdict: Verdict) -> None:
    outcome = "delivered" if answer.is_success else "failed"
    DELIVERIES_ATTEMPTED.labels(outcome).inc()
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
