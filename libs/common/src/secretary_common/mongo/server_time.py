"""Reads MongoDB's time, so that the leases of all machines are compared by one clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.runtime.clock import ServerClock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

LARGEST_OFFSET_SEC = 5.0
"""A larger offset between the clocks of this machine and of MongoDB is logged."""
MOST_READS = 5
EXACT_SEC = 0.002
"""MongoDB's time is read again while the clock may be off by more than this.

A service is slow at its start. If the API's clock were ahead of the worker's, the worker would find
that a new job is not due yet, although its doorbell has come.
"""


class ServerTime:
    """Keeps a clock on the time of MongoDB's primary."""

    def __init__(
        self,
        client: DatabaseClient,
        clock: ServerClock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*monotonic* measures the round trips, in seconds."""
        self._client = client
        self._clock = clock
        self._monotonic = monotonic

    async def synchronise(self) -> None:
        """Synchronise the clock; return when the primary has answered.

        Raises:
            StoreUnavailable: the primary did not answer.
            PyMongoError: MongoDB refused the command.
        """
        for _ in range(MOST_READS):
            offset_sec = await self._read()
            if self._clock.error_sec() <= EXACT_SEC:
                break
        if abs(offset_sec) > LARGEST_OFFSET_SEC:
            log.warning("clock.offset_found", offset_sec=round(offset_sec, 3))

    async def _read(self) -> float:
        """Synchronise the clock by one answer; return this machine's offset, in seconds."""
        started = self._monotonic()
        answer = await self._client.command("hello")
        if not answer.get("isWritablePrimary"):
            raise StoreUnavailable("MongoDB has no primary")
        return self._clock.synchronise(answer["localTime"], self._monotonic() - started)
