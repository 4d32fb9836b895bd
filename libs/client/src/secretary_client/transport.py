"""Requests to the API, repeated while it is away.

Every request is safe to repeat. Submissions have an idempotency key, and the API refuses an action
that was done already with ``INVALID_STATE``.
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
# Repeated: a proxy without its upstream, an API without its MongoDB, too many requests.
TEMPORARY = frozenset({429, 502, 503, 504})
# Not repeated, because every attempt would fail.
PERMANENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """The time and the waits of the client, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Transport:
    """Sends requests to one API with one key."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float,
        transport: httpx.BaseTransport | None = None,
        clock: Clock,
    ) -> None:
        """*retry_sec*: how long a request is repeated, in seconds; 0: it is not repeated."""
        self._retry_sec = retry_sec
        self._clock = clock
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_SEC,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def data(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return the data of its answer; *options* are those of httpx.

        Raises:
            ApiError: the answer is an error.
            Unreachable: there was no answer.
        """

        def send() -> Any:
            response = self._http.request(method, path, **options)
            _check(response)
            try:
                return response.json()["data"]
            except (ValueError, KeyError, TypeError):
                raise _unknown(response) from None

        return self.repeated(send)

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send a GET once; give its answer with the body unread.

        Raises:
            ApiError: the answer is an error.
            httpx.TransportError: there was no answer, or the connection broke.
        """
        with self._http.stream("GET", path, **options) as response:
            _check(response)
            yield response

    def repeated(self, send: Callable[[], T]) -> T:
        """Return the result of *send*; call it again after temporary errors, until time is up.

        Raises:
            ApiError: the last answer was an error.
            Unreachable: there was no answer.
        """
        give_up_at, wait = self._clock.now() + self._retry_sec, FIRST_WAIT_SEC
        while True:
            error: Exception
            try:
                return send()
            except PERMANENT as failure:
                raise Unreachable(_described(failure)) from failure
            except httpx.TransportError as failure:
                error = Unreachable(_described(failure))
            except ApiError as failure:
                if failure.status not in TEMPORARY:
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
        failure = ApiError(response.status_code, error["code"], error["message"], error["details"])
    except (ValueError, KeyError, TypeError):
        failure = _unknown(response)
    failure.retry_after = _retry_after(response)
    raise failure


def _unknown(response: httpx.Response) -> ApiError:
    """Return the error for an answer that is not the API's but, for example, a proxy's."""
    message = f"{response.url} answered {response.status_code}, and not as Secretary does"
    return ApiError(response.status_code, "UNKNOWN", message, None)


def _described(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT_SEC) if value.isdecimal() else None
