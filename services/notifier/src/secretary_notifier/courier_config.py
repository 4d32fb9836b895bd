"""The settings of attempts, and the deadline of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from secretary_common.models import Delivery
from secretary_notifier import schedule

LEASE_MARGIN_SEC = 10.0
"""A lease lasts this much longer than the attempt's deadline, for the reads and the record."""


@dataclass(frozen=True, slots=True)
class CourierConfig:
    """The settings of attempts, and the deadline of each."""

    owner: str
    """The id of this notifier, new at each start."""
    timeout_sec: float
    retry_schedule_sec: Sequence[float]
    first_timeout_sec: float = 5.0
    """The deadline of the first request to an origin that the notifier does not know."""
    poll_interval_sec: float = 5.0
    """The wait after a shortage; for a delivery whose key is missing, the shortest wait."""
    replayable_for: timedelta = timedelta(days=30)
    """A dead delivery, or a test that has ended, is kept for this long."""

    @property
    def lease_sec(self) -> float:
        """The duration of a lease."""
        return self.timeout_sec + LEASE_MARGIN_SEC

    def timeout_of(self, delivery: Delivery, is_untried: Callable[[str], bool]) -> float:
        """Return the deadline, which is shorter for the first request to an unknown origin.

        Host names cost nothing, so a client may have any number of origins that hang. The next
        attempt has the whole deadline. So has an attempt that is the last one.

        Args:
            delivery: the delivery of the attempt.
            is_untried: returns whether no request to an origin has ended yet.
        """
        waits = schedule.waits_of(delivery, self.retry_schedule_sec)
        is_followed = delivery.tries + 1 < len(waits)
        if delivery.tries == 0 and is_followed and is_untried(delivery.origin):
            return min(self.first_timeout_sec, self.timeout_sec)
        return self.timeout_sec
