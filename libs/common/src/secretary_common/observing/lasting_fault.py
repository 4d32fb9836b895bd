"""A fault that lasts is logged once a minute, so that a log of any hour shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

from secretary_common.observing.noticed import forget, notice
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

AGAIN_SEC = 60.0
KEEP_SEC = 120.0
"""A fault counts as over for operators if it was not recorded for this time."""


class LastingFault:
    """Measures how long a fault lasts, and logs a line a minute. The caller logs begin and end."""

    def __init__(
        self, event: str, subject: str = "", *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """*event* is the event of the lines; *subject* is what is at fault, for operator events."""
        self._event = event
        self._subject = subject
        self._monotonic = monotonic
        self._since: float | None = None
        self._logged_at = 0.0

    def record(self, **fields: object) -> bool:
        """Record that the fault is there; return whether it has begun just now."""
        notice(self._event, self._subject, keep_sec=KEEP_SEC, **fields)
        now = self._monotonic()
        if self._since is None:
            self._since = self._logged_at = now
            return True
        if now - self._logged_at >= AGAIN_SEC:
            self._logged_at = now
            log.warning(self._event, for_sec=round(now - self._since), **fields)
        return False

    def end(self) -> float | None:
        """Record the end of the fault; return its duration in seconds, None if there was none."""
        if self._since is not None:
            forget(self._event, self._subject)
        since, self._since = self._since, None
        return None if since is None else round(self._monotonic() - since, 1)
