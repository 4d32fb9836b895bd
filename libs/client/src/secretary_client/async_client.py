"""The async client of the API."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from secretary_client.calls.all_calls import AllCalls
from secretary_client.core.clock import ClientClock
from secretary_client.core.connection import RETRY_SEC, TIMEOUT_SEC, http_options
from secretary_client.core.drivers import AsyncDriver
from secretary_client.core.repetition import Retry


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
        http = httpx.AsyncClient(**http_options(url, key, timeout), transport=transport)
        super().__init__(url, AsyncDriver(http, clock or ClientClock()), retry_sec, on_retry)

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
