"""Who waits for a write of an attempt that is not made yet: of the next flush, or of its end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from secretary_worker.attempt.commands import tell


class Waiters:
    """Those who wait; each is told once, of the write or of what keeps it from being made."""

    def __init__(self) -> None:
        self._of_flush: list[Future[None]] = []
        self._of_end: list[Future[None]] = []

    def flush(self, done: Future[None]) -> None:
        """Have *done* told of the next flush."""
        self._of_flush.append(done)

    def end(self, done: Future[None]) -> None:
        """Have *done* told of the end of the attempt."""
        self._of_end.append(done)

    @contextmanager
    def flushing(self) -> Iterator[bool]:
        """Whether anybody waits for the flush that is made inside.

        They are told after it; should it fail, they wait for the next one, before all others.
        """
        waiting, self._of_flush = self._of_flush, []
        try:
            yield bool(waiting)
        except BaseException:
            self._of_flush = waiting + self._of_flush
            raise
        for done in waiting:
            tell(done)

    def ended(self) -> None:
        """Tell those who wait for the end that it is written."""
        waiting, self._of_end = self._of_end, []
        for done in waiting:
            tell(done)

    def refuse(self, error: Exception) -> None:
        """Tell all of them that *error* came in between."""
        waiting = [*self._of_flush, *self._of_end]
        self._of_flush, self._of_end = [], []
        for done in waiting:
            tell(done, error)
