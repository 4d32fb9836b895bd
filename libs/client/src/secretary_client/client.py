"""The sync client of the API."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from secretary_client.calls.files import FileCalls
from secretary_client.calls.jobs import JobCalls
from secretary_client.calls.system import SystemCalls
from secretary_client.calls.webhooks import WebhookCalls
from secretary_client.core.call import D
from secretary_client.core.clock import ClientClock
from secretary_client.core.drivers import SyncDriver
from secretary_client.core.repetition import Repetition, Retry
from secretary_client.core.requests import Requests

RETRY_SEC = 60.0
CONNECT_SEC = 5.0
TIMEOUT_SEC = 30.0
"""The longest wait for the next bytes of an answer."""


class AllCalls(JobCalls[D], FileCalls[D], WebhookCalls[D], SystemCalls[D]):
    """Every call of the API."""


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
        clock = clock or ClientClock()
        http = httpx.Client(
            base_url=full_url(url),
            headers=headers_of(key),
            timeout=timeouts(timeout),
            transport=transport,
        )
        repetition = Repetition(full_url(url), clock, retry_sec, on_retry)
        super().__init__(Requests(repetition), SyncDriver(http, clock))

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


def timeouts(timeout: float) -> httpx.Timeout:
    """Return the limits of a request: a host that is off answers no connection attempt."""
    return httpx.Timeout(timeout, connect=min(timeout, CONNECT_SEC))


def full_url(url: str) -> str:
    """Return *url* with a scheme: ``localhost:5001`` becomes ``http://localhost:5001``."""
    return url if "://" in url else f"http://{url}"


def headers_of(key: str) -> dict[str, str]:
    """Return the headers of each request with the API key *key*.

    Raises:
        ValueError: no request can carry the key. The message does not show it.
    """
    sent = key.strip() if key else ""
    if not sent:
        raise ValueError("the API key is empty")
    if not (sent.isascii() and sent.isprintable()):
        raise ValueError("the API key has characters that no key has")
    return {"Authorization": f"Bearer {sent}"}
