"""Says that deliveries wait for a key this notifier does not have: loudly, but not each time."""

from __future__ import annotations

from datetime import datetime, timedelta

from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import DELIVERIES_UNOPENED

log = get_logger(__name__)

SILENCE = timedelta(minutes=1)


class Unopened:
    """Counts what could not be opened; an error in the log at most once a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unsaid = 0
        self._silent_until: datetime | None = None

    def note(self) -> None:
        """One more, the one that the log's fields are bound to."""
        DELIVERIES_UNOPENED.inc()
        self._unsaid += 1
        now = self._clock.now()
        if self._silent_until is not None and now < self._silent_until:
            return
        log.error(
            "delivery.unopened",
            count=self._unsaid,
            reason="sealed with a key that is not in security.encryption_keys; it waits unsent",
        )
        self._unsaid, self._silent_until = 0, now + SILENCE
