"""A change stream of MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from secretary_common.mongo.driver.fault import translated_errors
from secretary_common.mongo.driver.to_the_end import to_the_end


class Changes:
    """A change stream, which the first read opens. One caller reads at a time."""

    def __init__(self, open_stream: Callable[[], Awaitable[Any]]) -> None:
        """*open_stream* returns the stream of the driver."""
        self._open = open_stream
        self._stream: Any = None
        self._reading = asyncio.Lock()

    @to_the_end
    async def try_next(self) -> dict[str, Any] | None:
        """Return the next change; None if there was none for the time of the stream.

        Raises:
            SecretaryError, OperationFailure: see ``translated_errors``.
        """
        async with self._reading:
            with translated_errors():
                if self._stream is None:
                    self._stream = await self._open()
                found: dict[str, Any] | None = await self._stream.try_next()
                return found

    @to_the_end
    async def close(self) -> None:
        """Close the stream if it is open. A read that was left behind ends first."""
        async with self._reading:
            if self._stream is not None:
                await self._stream.close()
