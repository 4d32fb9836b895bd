"""Requests to the API, repeated while it is not there.

All of them are safe to repeat: submissions bear an idempotency key, and a move that was made
already is refused as ``INVALID_STATE``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from secretary_client.error import ApiError, Unreachable

TIMEOUT_SEC = 30.0
FIRST_WAIT_SEC = 0.5
LONGEST_WAIT_SEC = 10.0
# Told again later: a proxy without its upstream, an API without its MongoDB, too many requests.
PASSING = frozenset({429, 502, 503, 504})
# What no repeat can mend.
HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as the client needs it; seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Transport:
    """One API under one key."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float,
        transport: httpx.BaseTransport | None = None,
        clock: Clock,
    ) -> None:
        """*retry_sec*: how long a request is repeated, in seconds; 0: never."""
        self._retry_sec = retry_sec
        self._clock = clock
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_SEC,
            transport=transport,
        )

    def close(self) -> None:
        """Give up the connections."""
        self._http.close()

    def data(self, method: str, path: str, **options: Any) -> Any:
        """What the answer carries; *options* are httpx's.

        Raises:
            ApiError: it is an error.
            Unreachable: there was none.
        """

        def ask() -> Any:
            response = self._http.request(method, path, **options)
            _check(response)
            try:
                return response.json()["data"]
            except (ValueError, KeyError, TypeError):
                raise _strange(response) from None

        return self.repeated(ask)

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        """The answer to a GET, its body not read yet; asked for once.

        Raises:
            ApiError: it is an error.
            httpx.TransportError: there was none, or it breaks off.
        """
        with self._http.stream("GET", path, **options) as response:
            _check(response)
            yield response

    def repeated(self, ask: Callable[[], T]) -> T:
        """What comes of *ask*, which is called again while that may help, until time is up.

        Raises:
            ApiError: what came last.
            Unreachable: nothing came.
        """
        give_up_at, wait = self._clock.now() + self._retry_sec, FIRST_WAIT_SEC
        while True:
            error: Exception
            try:
                return ask()
            except HOPELESS as failure:
                raise Unreachable(_described(failure)) from failure
            except httpx.TransportError as failure:
                error = Unreachable(_described(failure))
            except ApiError as failure:
                if failure.status not in PASSING:
                    raise
                error, wait = failure, failure.retry_after or wait
            if self._clock.now() + wait > give_up_at:
                raise error
            self._clock.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SEC)


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    try:
        error = response.json()["error"]
        told = ApiError(response.status_code, error["code"], error["message"], error["details"])
    except (ValueError, KeyError, TypeError):
        told = _strange(response)
    told.retry_after = _asked_wait(response)
    raise told


def _strange(response: httpx.Response) -> ApiError:
    """The error of an answer that is none of the API's: of a proxy on the way, say."""
    message = f"{response.url} answered {response.status_code}, and not as Secretary does"
    return ApiError(response.status_code, "UNKNOWN", message, None)


def _described(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"


def _asked_wait(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT_SEC) if value.isdecimal() else None
