"""Runs calls to the store on the engine's loop and returns their answers to the handlers' loops.

The store's connections belong to the engine's loop, and handlers run in loops of other threads.
Writes about a job do not use the bridge, because a handler need not wait for them. They go through
``common/runtime/inbox.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Bridge:
    """Runs coroutines in the loop in which the bridge was made, for callers in other loops."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run *work* in the engine's loop; return its result or raise its exception.

        May be called from any loop and any thread. If the caller is cancelled, so is *work*.

        Raises:
            RuntimeError: the engine's loop has ended.
        """
        if self._loop is asyncio.get_running_loop():
            return await work()
        coroutine = work()
        try:
            done = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise
        return await asyncio.wrap_future(done)

    async def each(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield *items*, an iterator of the engine's loop, one by one in the caller's loop."""
        end = object()

        async def following() -> T | object:
            return await anext(items, end)

        while (item := await self.call(following)) is not end:
            yield item  # type: ignore[misc] # mypy cannot distinguish ``end`` from a T
