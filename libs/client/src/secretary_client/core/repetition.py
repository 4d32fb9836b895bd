"""Which failed attempts of a request are repeated, and when.

A repeated submission makes no second job, because it has an idempotency key. A repeated upload is
removed after a day, because no job names it. A repeated action on a job or a delivery may be
refused (``INVALID_STATE``, ``NOT_FOUND``), although the first request took effect.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx

from secretary_client.core.clock import ClientClock
from secretary_client.core.effect import Flow, Sleep
from secretary_client.error import ApiError, Unreachable

FIRST_WAIT_SEC = 0.5
LONGEST_WAIT_SEC = 10.0
"""The longest wait before a repeat, also if the API asks for a longer one."""
# Repeated: a proxy without its upstream, an API without its MongoDB, too many requests.
TEMPORARY = frozenset({429, 502, 503, 504})
# Not repeated, because every attempt would fail.
PERMANENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed attempt that the client repeats."""

    error: ApiError | Unreachable
    wait_sec: float
    """The wait before the next attempt."""
    left_sec: float
    """For how long the client goes on repeating."""
    number: int
    """The number of attempts of this request that have failed."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """The rules of one client."""

    url: str
    clock: ClientClock
    retry_sec: float
    """For how long a request is repeated; 0: it is not repeated."""
    on_retry: Callable[[Retry], object] | None = None
    """Called before each wait."""

    def repeated(self, attempt: Callable[[], Flow[T]], *, within_sec: float = math.inf) -> Flow[T]:
        """Return the result of *attempt*; repeat it after temporary errors, until time is up.

        Args:
            attempt: makes one attempt.
            within_sec: it is repeated for this long, or for ``retry_sec`` if that is less.

        Raises:
            ApiError: the last answer was an error.
            Unreachable: there was no answer.
        """
        give_up_at = self.clock.now() + min(self.retry_sec, within_sec)
        backoff = FIRST_WAIT_SEC
        for number in itertools.count(1):
            try:
                return (yield from attempt())
            except (httpx.TransportError, ApiError) as failure:
                error = self._temporary(failure)
            asked = isinstance(error, ApiError) and error.retry_after
            wait = min(asked or backoff, LONGEST_WAIT_SEC)
            left = give_up_at - self.clock.now()
            if wait > left:
                raise error
            if self.on_retry:
                self.on_retry(Retry(error, wait, left, number))
            yield Sleep(wait)
            backoff = 2 * wait
        raise AssertionError  # the count has no end

    def _temporary(self, failure: httpx.TransportError | ApiError) -> ApiError | Unreachable:
        """Return *failure* as the error to report; raise it if a repeat cannot help."""
        if isinstance(failure, ApiError):
            if failure.status not in TEMPORARY:
                raise failure
            return failure
        error = Unreachable(f"{self.url}: {type(failure).__name__}: {failure}")
        if isinstance(failure, PERMANENT):
            raise error from failure
        error.__cause__ = failure
        return error
