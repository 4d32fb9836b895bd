"""An event loop in another thread, as handlers have."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class OtherLoop:
    """Runs coroutines in its own thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._serve)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of *work*, which runs in the other loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def _serve(self) -> None:
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@contextmanager
def other_loop() -> Iterator[OtherLoop]:
    """Run a loop in another thread during the block."""
    other = OtherLoop()
    other.thread.start()
    try:
        yield other
    finally:
        other.loop.call_soon_threadsafe(other.loop.stop)
        other.thread.join()
