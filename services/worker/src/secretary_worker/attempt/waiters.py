"""Resolves the futures of handlers that await a write."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from secretary_worker.attempt.commands import resolve


class Waiters:
    """The futures that wait for the next flush or for the settlement. Each is resolved once."""

    def __init__(self) -> None:
        self._for_flush: list[Future[None]] = []
        self._for_settlement: list[Future[None]] = []

    def add_for_flush(self, done: Future[None]) -> None:
        """Resolve *done* after the next flush."""
        self._for_flush.append(done)

    def add_for_settlement(self, done: Future[None]) -> None:
        """Resolve *done* after the settlement of the attempt."""
        self._for_settlement.append(done)

    @contextmanager
    def flushing(self) -> Iterator[bool]:
        """Yield whether futures wait for a flush. The caller flushes inside the context.

        The futures that waited are resolved when the context ends. If the flush fails, they wait
        for the next flush.
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
