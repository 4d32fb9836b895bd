"""Requests to the API, repeated while the API is unavailable.

A repeated submission makes no second job, because it has an idempotency key. A repeated upload is
removed after a day, because no job names it. A repeated action on a job or a delivery may be
refused (``INVALID_STATE``, ``NOT_FOUND``), although the first request took effect.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx

from secretary_client.error import ApiError, Unreachable

TIMEOUT_SEC = 30.0
FIRST_WAIT_SEC = 0.5
LONGEST_WAIT_SEC = 10.0
SHORTEST_READ_SEC = 0.1
# A read of a stream may end this long after the deadline. A shorter time would open the stream more
# often, as the deadline comes closer.
SLACK_SEC = 1.0
# Repeated: a proxy without its upstream, an API without its MongoDB, too many requests.
TEMPORARY = frozenset({429, 502, 503, 504})
# Not repeated, because every attempt would fail.
PERMANENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClientClock:
    """The time and the waits of the client, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Deadline:
    """The end of a call with a timeout, and the limits of its reads from a stream."""

    def __init__(self, clock: ClientClock, timeout: float | None) -> None:
        """*timeout*: seconds from now; None: there is no end."""
        self._clock = clock
        self._ends_at = math.inf if timeout is None else clock.now() + timeout

    @property
    def left_sec(self) -> float:
        """The seconds that are left, at least 0."""
        return max(0.0, self._ends_at - self._clock.now())

    @property
    def read_sec(self) -> float:
        """The longest wait of a read that begins now, in seconds."""
        return max(SHORTEST_READ_SEC, min(TIMEOUT_SEC, self.left_sec))

    def is_before_read(self, read_sec: float) -> bool:
        """Return whether a read of *read_sec* could end more than ``SLACK_SEC`` too late."""
        return self.left_sec + SLACK_SEC < read_sec

    def until(self, read_sec: float, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield *chunks*, each read within *read_sec*; stop if the next read could end too late."""
        for chunk in chunks:
            yield chunk
            if self.is_before_read(read_sec):
                return


class Transport:
    """Sends requests to one API with one key."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float,
        transport: httpx.BaseTransport | None = None,
        clock: ClientClock,
    ) -> None:
        """*retry_sec*: how long a request is repeated, in seconds; 0: it is not repeated."""
        self._url = url
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
        """Send a request and return the data of its answer; *options* are the options of httpx.

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
        """Send a GET once; yield its answer with the body unread.

        Raises:
            ApiError: the answer is an error.
            httpx.TransportError: there was no answer, or the connection broke.
        """
        with self._http.stream("GET", path, **options) as response:
            _check(response)
            yield response

    def repeated(self, send: Callable[[], T], *, within_sec: float = math.inf) -> T:
        """Return the result of *send*; call it again after temporary errors, until time is up.

        Args:
            send: makes one attempt.
            within_sec: *send* is repeated for this long, or for ``retry_sec`` if that is less.

        Raises:
            ApiError: the last answer was an error.
            Unreachable: there was no answer.
        """
        give_up_at = self._clock.now() + min(self._retry_sec, within_sec)
        wait = FIRST_WAIT_SEC
        while True:
            error: Exception
            try:
                return send()
            except PERMANENT as failure:
                raise self._unreachable(failure) from failure
            except httpx.TransportError as failure:
                error = self._unreachable(failure)
            except ApiError as failure:
                if failure.status not in TEMPORARY:
                    raise
                error, wait = failure, failure.retry_after or wait
            if self._clock.now() + wait > give_up_at:
                raise error
            self._clock.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SEC)

    def _unreachable(self, failure: Exception) -> Unreachable:
        return Unreachable(f"{self._url}: {type(failure).__name__}: {failure}")


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
    """Return the error for an answer that comes not from the API but, for example, a proxy."""
    message = f"{response.url} answered {response.status_code}, and not as Secretary does"
    return ApiError(response.status_code, "UNKNOWN", message, None)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT_SEC) if value.isdecimal() else None


def iso(name: str, moment: datetime | str) -> str:
    """Return *moment* as the API takes it; a text is returned unchanged.

    Raises:
        ValueError: the datetime has no time zone; the message has the field's *name*.
    """
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError(
            f"{name} {moment} has no time zone: use e.g. datetime.now(UTC) + timedelta(hours=1)"
        )
    return moment.isoformat()
