"""Run the same calls with the sync and with the async client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from secretary_client import AsyncClient, Client
from secretary_client.core.clock import ClientClock

Call = Callable[[Any], Any]
KINDS = ("sync", "async")


class Waits:
    """A clock that does not wait: it notes the waits, and moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.all: list[float] = []

    @property
    def clock(self) -> ClientClock:
        return ClientClock(lambda: self.now, self._sleep, self._sleep_async)

    def _sleep(self, seconds: float) -> None:
        self.all.append(seconds)
        self.now += seconds

    async def _sleep_async(self, seconds: float) -> None:
        self._sleep(seconds)


class BothClients:
    """One of the two clients, called in the same way."""

    def __init__(self, kind: str, url: str, key: str, **options: Any) -> None:
        self._runner: asyncio.Runner | None = None
        self._client: Any
        if kind == "sync":
            self._client = Client(url, key, **options)
        else:
            self._runner = asyncio.Runner()
            self._client = AsyncClient(url, key, **options)

    def value(self, call: Call) -> Any:
        """Return what *call* returns, which may be an awaitable."""
        made = call(self._client)
        return self._runner.run(_awaited(made)) if self._runner else made

    def items(self, call: Call, most: int | None = None) -> list[Any]:
        """Return the first *most* items that *call* yields."""
        made = call(self._client)
        if self._runner:
            return self._runner.run(_first(made, most))
        found = []
        for item in made:
            found.append(item)
            if len(found) == most:
                break
        return found

    def close(self) -> None:
        closed = self._client.close()
        if self._runner:
            self._runner.run(closed)
            self._runner.close()


async def _awaited(made: Any) -> Any:
    return await made


async def _first(made: Any, most: int | None) -> list[Any]:
    found = []
    async for item in made:
        found.append(item)
        if len(found) == most:
            break
    await made.aclose()
    return found
