"""Limits the requests a second of single API keys."""

from __future__ import annotations

import math
import time
from functools import lru_cache

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from secretary_api.auth import Principal
from secretary_common.errors import RateLimited


class RequestRate:
    """Counts the requests of each limited key in this process, over a moving window."""

    def __init__(self) -> None:
        self._limiter: MovingWindowRateLimiter | None = None

    def check(self, caller: Principal) -> None:
        """Count a request of *caller*. A key without this limit costs nothing.

        Raises:
            RateLimited: the key has made too many requests in the last second.
        """
        most = caller.limits.requests_per_sec
        if most is None:
            return
        if self._limiter is None:  # its storage starts a thread
            self._limiter = MovingWindowRateLimiter(MemoryStorage())
        window = _window_of(most)
        if not self._limiter.hit(window, caller.key_id):
            free_at = self._limiter.get_window_stats(window, caller.key_id).reset_time
            raise RateLimited(
                f"this API key may make {most:g} requests a second (requests_per_sec)",
                retry_after=max(free_at - time.time(), 1.0),
                details={"limit": "requests_per_sec", "most": most},
            )


@lru_cache(maxsize=1000)
def _window_of(most: float) -> RateLimitItemPerSecond:
    """Return a window for *most* requests a second: below 1, one request in a longer time."""
    if most >= 1:
        return RateLimitItemPerSecond(math.floor(most))
    return RateLimitItemPerSecond(1, math.ceil(1 / most))
