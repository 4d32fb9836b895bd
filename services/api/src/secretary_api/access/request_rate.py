"""Limits the requests a second of single API keys, and reports what is left."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from secretary_api.access.principal import Principal
from secretary_common.errors import RateLimited

POLICY = "requests"
"""The name of the limit in the headers."""


@dataclass(frozen=True, slots=True)
class RequestCount:
    """A counted request of a limited key."""

    most: float
    """The limit: requests a second."""
    is_allowed: bool
    quota: int
    """The requests that the key may make in ``window_sec``."""
    window_sec: int
    left: int
    """The requests that it may still make at once."""
    reset_sec: float
    """The time until it may make one more."""

    @property
    def headers(self) -> dict[str, str]:
        """The fields ``RateLimit-Policy`` and ``RateLimit`` of the IETF's draft 10."""
        reset = max(math.ceil(self.reset_sec), 0)
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.quota};w={self.window_sec}',
            "RateLimit": f'"{POLICY}";r={max(self.left, 0)};t={reset}',
        }

    def require_allowed(self) -> None:
        """Return if the request is allowed.

        Raises:
            RateLimited: the key has made too many requests in the window.
        """
        if not self.is_allowed:
            raise RateLimited(
                f"this API key may make {self.most:g} requests a second (requests_per_sec)",
                retry_after=max(self.reset_sec, 1.0),
                details={"limit": "requests_per_sec", "most": self.most},
            )


class RequestRate:
    """Counts the requests of each limited key in this process, over a moving window."""

    def __init__(self) -> None:
        self._limiter: MovingWindowRateLimiter | None = None

    def count(self, caller: Principal) -> RequestCount | None:
        """Count a request of *caller*. None for a key without this limit, which costs nothing."""
        most = caller.limits.requests_per_sec
        if most is None:
            return None
        if self._limiter is None:  # its storage starts a thread
            self._limiter = MovingWindowRateLimiter(MemoryStorage())
        window = _window_of(most)
        is_allowed = self._limiter.hit(window, caller.key_id)
        stats = self._limiter.get_window_stats(window, caller.key_id)
        return RequestCount(
            most=most,
            is_allowed=is_allowed,
            quota=window.amount,
            window_sec=window.get_expiry(),
            left=stats.remaining,
            reset_sec=stats.reset_time - time.time(),
        )


@lru_cache(maxsize=1000)
def _window_of(most: float) -> RateLimitItemPerSecond:
    """Return a window for *most* requests a second: below 1, one request in a longer time."""
    if most >= 1:
        return RateLimitItemPerSecond(math.floor(most))
    return RateLimitItemPerSecond(1, math.ceil(1 / most))
