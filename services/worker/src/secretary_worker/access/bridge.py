"""The way from handlers' loops to the engine's, for what they ask of the store and wait for.

The store's connections belong to the engine's loop; handlers run in loops of other threads. What is
asked here is done there. Writes about the job go their own way (``intake.py``): nobody waits there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Bridge:
    """Does things in the loop it was made in, and hands what comes of them to who asked."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What *work* gives, or raises, in the engine's loop.

        Who asks may do so from any loop and any thread; if it is cancelled, so is *work*.

        Raises:
            RuntimeError: the engine has ended.
        """
        if self._loop is asyncio.get_running_loop():
            return await work()
        under_way = work()
        try:
            done = asyncio.run_coroutine_threadsafe(under_way, self._loop)
        except RuntimeError:
            under_way.close()
            raise
        return await asyncio.wrap_future(done)

    async def each(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """*items*, which belong to the engine's loop, one by one in the loop that asks."""
        end = object()

        async def following() -> T | object:
            return await anext(items, end)

        while (item := await self.call(following)) is not end:
            yield item  # type: ignore[misc] # mypy does not tell ``end`` from a T
