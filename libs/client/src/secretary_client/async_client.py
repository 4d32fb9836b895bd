"""The async client of the API."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from secretary_client.client import RETRY_SEC, TIMEOUT_SEC, AllCalls, full_url, headers_of, timeouts
from secretary_client.core.clock import ClientClock
from secretary_client.core.drivers import AsyncDriver
from secretary_client.core.repetition import Repetition, Retry
from secretary_client.core.requests import Requests


class AsyncClient(AllCalls[AsyncDriver]):
    """Calls one Secretary with one API key, from an event loop of asyncio or trio.

    It has the methods of ``Client``. A method that returns a value is awaited, one that yields
    values is read with ``async for``.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        retry_sec: float = RETRY_SEC,
        timeout: float = TIMEOUT_SEC,
        on_retry: Callable[[Retry], object] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: ClientClock | None = None,
    ) -> None:
        """Make a client; this sends no request. The arguments are those of ``Client``."""
        clock = clock or ClientClock()
        http = httpx.AsyncClient(
            base_url=full_url(url),
            headers=headers_of(key),
            timeout=timeouts(timeout),
            transport=transport,
        )
        repetition = Repetition(full_url(url), clock, retry_sec, on_retry)
        super().__init__(Requests(repetition), AsyncDriver(http, clock))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._driver.close()
