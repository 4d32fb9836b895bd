"""Requests to the API, repeated while it is not there.

All of them are safe to repeat: submissions bear an idempotency key, and a move that was made
already is refused as ``INVALID_STATE``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from secretary_client.error import ApiError, Unreachable

TIMEOUT_SEC = 30.0
FIRST_WAIT_SEC = 0.5
LONGEST_WAIT_SEC = 10.0
# Told again later: a proxy without its upstream, an API without its MongoDB, too many requests.
PASSING = frozenset({429, 502, 503, 504})


class Transport:
    """One API under one key."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """*retry_sec*: how long a request is repeated, in seconds; 0: never."""
        self._retry_sec = retry_sec
        self._sleep = sleep
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
        response = self._repeated(lambda: self._http.request(method, path, **options))
        return response.json()["data"]

    @contextmanager
    def stream(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        """The answer to a GET, its body not read yet.

        Raises:
            ApiError, Unreachable: as for ``data``.
        """
        request = self._http.build_request("GET", path, **options)
        response = self._repeated(lambda: self._http.send(request, stream=True))
        try:
            yield response
        finally:
            response.close()

    def _repeated(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        waited, wait = 0.0, FIRST_WAIT_SEC
        while True:
            error: Exception
            try:
                response = send()
            except httpx.TransportError as failure:
                error = Unreachable(f"{type(failure).__name__}: {failure}")
            else:
                if not response.is_error:
                    return response
                error = _error_of(response)
                if response.status_code not in PASSING:
                    raise error
                wait = _asked_wait(response) or wait
            if waited + wait > self._retry_sec:
                raise error
            self._sleep(wait)
            waited, wait = waited + wait, min(2 * wait, LONGEST_WAIT_SEC)


def _error_of(response: httpx.Response) -> ApiError:
    response.read()
    try:
        error = response.json()["error"]
        return ApiError(response.status_code, error["code"], error["message"], error["details"])
    except (ValueError, KeyError, TypeError):  # of a proxy on the way
        message = f"the server answered {response.status_code}"
        return ApiError(response.status_code, "UNKNOWN", message, None)


def _asked_wait(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT_SEC) if value.isdecimal() else None
