"""Futures of callers that await a write which has not been made yet."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from secretary_worker.attempt.commands import resolve


class Waiters:
    """Futures that wait for the next flush or for the settlement. Each is resolved once."""

    def __init__(self) -> None:
        self._for_flush: list[Future[None]] = []
        self._for_settlement: list[Future[None]] = []

    def add_for_flush(self, done: Future[None]) -> None:
        """Resolve *done* with the next flush."""
        self._for_flush.append(done)

    def add_for_settlement(self, done: Future[None]) -> None:
        """Resolve *done* with the settlement of the attempt."""
        self._for_settlement.append(done)

    @contextmanager
    def flushing(self) -> Iterator[bool]:
        """Resolve the futures after the flush that is made inside; yield whether there are any.

        If the flush fails, they wait for the next one, ahead of later futures.
        """
        waiting, self._for_flush = self._for_flush, []
        try:
            yield bool(waiting)
        except BaseException:
            self._for_flush = waiting + self._for_flush
            raise
        for done in waiting:
            resolve(done)

    def settled(self) -> None:
        """Resolve the futures that wait for the settlement."""
        waiting, self._for_settlement = self._for_settlement, []
        for done in waiting:
            resolve(done)

    def fail(self, error: Exception) -> None:
        """Resolve all futures with *error*."""
        waiting = [*self._for_flush, *self._for_settlement]
        self._for_flush, self._for_settlement = [], []
        for done in waiting:
            resolve(done, error)
