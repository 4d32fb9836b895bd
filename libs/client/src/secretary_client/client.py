"""The sync client of the API."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from secretary_client.calls.all_calls import AllCalls
from secretary_client.core.clock import ClientClock
from secretary_client.core.connection import RETRY_SEC, TIMEOUT_SEC, http_options
from secretary_client.core.drivers import SyncDriver
from secretary_client.core.repetition import Retry


class Client(AllCalls[SyncDriver]):
    """Calls one Secretary with one API key. If the API is unavailable, a call is repeated.

    A client may be used by several threads.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float = RETRY_SEC,
        timeout: float = TIMEOUT_SEC,
        on_retry: Callable[[Retry], object] | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: ClientClock | None = None,
    ) -> None:
        """Make a client; this sends no request.

        Args:
            url: the URL of the API, e.g. ``http://localhost:5001``.
            key: an API key; spaces and line ends around it do not count.
            retry_sec: how long a call is repeated while the API does not answer, in seconds; the
                last attempt may take another *timeout*.
            timeout: the longest wait for the next bytes of an answer, in seconds.
            on_retry: called before each wait with what failed, and for how long the client goes on.
            transport: replaces the connection to the API; for tests.
            clock: replaces the clock; for tests.

        Raises:
            ValueError: *key* is empty, or it has characters that no key has.
        """
        http = httpx.Client(**http_options(url, key, timeout), transport=transport)
        super().__init__(url, SyncDriver(http, clock or ClientClock()), retry_sec, on_retry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()
