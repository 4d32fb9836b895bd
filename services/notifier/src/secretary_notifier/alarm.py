"""When to look again: at once, at a time that is not far off, or after the longest wait."""

from __future__ import annotations

import asyncio
from datetime import datetime

from secretary_common.runtime.clock import Clock


class Alarm:
    """Ends a wait early: at once, or at a time that is not far off."""

    def __init__(self, clock: Clock, longest_wait_sec: float) -> None:
        self._clock = clock
        self._longest_wait_sec = longest_wait_sec
        self._event = asyncio.Event()

    def ring(self) -> None:
        """End the wait now."""
        self._event.set()

    def ring_at(self, moment: datetime | None) -> None:
        """End the wait at *moment*; later than the longest wait, a look before it will see it."""
        if moment is None:
            return
        seconds = (moment - self._clock.now()).total_seconds()
        if seconds <= 0:
            self.ring()
        elif seconds <= self._longest_wait_sec:
            asyncio.get_running_loop().call_later(seconds, self._event.set)

    async def wait(self) -> None:
        """Wait until somebody rings, at most the longest wait."""
        try:
            async with asyncio.timeout(self._longest_wait_sec):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()
