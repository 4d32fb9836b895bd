"""The state of one origin: its pace, its breaker and its deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from secretary_common.models import ReceiverState
from secretary_notifier.fairness.breaker import Breaker


class Pace(Enum):
    """The speed of an origin's last answer."""

    UNKNOWN = 0
    QUICK = 1
    SLOW = 2


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The end of the last attempt at an origin."""

    at: datetime
    status_code: int | None
    error_class: str | None


class Origin:
    """The pace and the breaker of one origin, and its deliveries counted over all keys."""

    def __init__(self) -> None:
        self.waiting = {False: 0, True: 0}
        """The first tries, and the retries."""
        self.in_flight = 0
        self.pace = Pace.UNKNOWN
        self.was_tried = False
        self.breaker = Breaker()
        self.failures = 0
        """Failures since the last success."""
        self.last: LastAnswer | None = None

    def __len__(self) -> int:
        """Return the number of deliveries that wait."""
        return sum(self.waiting.values())

    def is_idle(self, now: datetime) -> bool:
        """Return whether nothing waits or is sent, and the breaker remembers nothing."""
        return not len(self) and not self.in_flight and self.breaker.is_idle(now)

    @property
    def urgency(self) -> tuple[bool, int, int]:
        """What an operator must see first: open breakers, then failures, then waiting events."""
        return self.breaker.open_until is not None, self.failures, len(self)

    def state(self, name: str) -> ReceiverState:
        """Return the state of the receiver, whose origin is *name*."""
        return ReceiverState(
            origin=name,
            open_until=self.breaker.open_until,
            in_flight=self.in_flight,
            waiting=len(self),
            failures=self.failures,
            last_at=self.last.at if self.last else None,
            last_status=self.last.status_code if self.last else None,
            last_error=self.last.error_class if self.last else None,
        )
