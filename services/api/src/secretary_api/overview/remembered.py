"""An answer that is read rarely and shown often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from secretary_common.errors import StoreUnavailable

K = TypeVar("K")
T = TypeVar("T")

COST_FACTOR = 20.0
"""An answer that took a second to read is read again after 20 s: reading takes 5 % of the time."""
OLDEST_SEC = 60.0
"""A request waits for a new answer rather than show one that is older."""
_MOST_KEPT = 1000


@dataclass(slots=True)
class _Answer(Generic[T]):
    value: T
    read_at: float
    cost_sec: float


class Remembered(Generic[K, T]):
    """Remembers an answer for each key, and reads old answers again in the background."""

    def __init__(
        self,
        read: Callable[[K], Awaitable[T]],
        *,
        least_sec: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*least_sec*: an answer is read again after this time, or later if reading is slow."""
        self._read = read
        self._least_sec = least_sec
        self._monotonic = monotonic
        self._answers: dict[K, _Answer[T]] = {}
        self._reading: dict[K, asyncio.Task[T]] = {}

    async def get(self, key: K) -> T:
        """Return the answer for *key*, at most ``OLDEST_SEC`` old.

        Raises:
            StoreUnavailable: MongoDB did not answer, and no answer of before is young enough.
        """
        answer = self._answers.get(key)
        age_sec = self._monotonic() - answer.read_at if answer else OLDEST_SEC
        if answer is None or age_sec >= OLDEST_SEC:
            return await asyncio.shield(self._started(key))
        if age_sec >= max(self._least_sec, answer.cost_sec * COST_FACTOR):
            self._started(key)
        return answer.value

    async def recent(self, key: K) -> T:
        """Return the answer for *key*, at most ``COST_FACTOR`` times as old as reading it takes.

        If the last answer is older, this waits for a new one.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        answer = self._answers.get(key)
        if answer is not None:
            age_sec = self._monotonic() - answer.read_at
            if age_sec < min(answer.cost_sec * COST_FACTOR, OLDEST_SEC):
                return answer.value
        return await asyncio.shield(self._started(key))

    def _started(self, key: K) -> asyncio.Task[T]:
        """Return the task that reads the answer for *key*; all requests share it."""
        if key not in self._reading:
            task = asyncio.create_task(self._renewed(key))
            self._reading[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return self._reading[key]

    def _forget(self, key: K, done: asyncio.Task[T]) -> None:
        self._reading.pop(key, None)
        if not done.cancelled():
            done.exception()  # a request that waits raises it; others show the answer of before

    async def _renewed(self, key: K) -> T:
        began_at = self._monotonic()
        try:
            value = await self._read(key)
        except StoreUnavailable:
            if answer := self._answers.get(key):  # not at once again, but soon
                answer.cost_sec = 0.0
            raise
        if len(self._answers) >= _MOST_KEPT:
            self._answers.clear()
        now = self._monotonic()
        self._answers[key] = _Answer(value, now, now - began_at)
        return value
