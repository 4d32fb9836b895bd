"""The slowest pace at which a client may send a body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from secretary_common.errors import RequestTimeout

GRACE_SEC = 10.0
"""The pace counts only after the service has waited this long for a client."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Passes a body on while it comes fast enough."""

    bytes_per_sec: float
    """The least bytes per second, on average, of the time that the service waits for them."""
    total_sec: float
    """The longest time for a whole body."""
    settings: str
    """The names of both settings."""

    async def of(self, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of *body*.

        Raises:
            RequestTimeout: the body comes too slowly.
        """
        loop = asyncio.get_running_loop()
        ends_at, waited, received = loop.time() + self.total_sec, 0.0, 0
        while True:
            asked_at = loop.time()
            left = GRACE_SEC + received / self.bytes_per_sec - waited
            try:
                async with asyncio.timeout_at(min(asked_at + left, ends_at)):
                    piece = await anext(body, None)
            except TimeoutError:
                raise RequestTimeout(f"the body comes too slowly ({self.settings})") from None
            if piece is None:
                return
            waited += loop.time() - asked_at
            received += len(piece)
            yield piece
