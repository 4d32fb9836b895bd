"""The rings for one queue: those of a moment share messages, a single one is quick."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

from secretary_common.runtime.group_commit import LARGEST, GroupCommit

T = TypeVar("T")

QUIET_SEC = 0.01
"""A ring is single if the ring before it is at least this long ago."""
LATER_SEC = 0.02
"""The doorbell that follows a quick one is sent this much later. Until then the broker, the disk
and the consumer work for the job that the quick one was about."""


class Send(Protocol[T]):
    """Sends the doorbells for a group of events."""

    async def __call__(self, events: list[T], /, *, quick: bool) -> list[bool]:
        """Send; return for each of *events* whether the broker has confirmed its doorbell.

        *quick*: quick doorbells for these events were sent before.
        """
        ...


class Rings(Generic[T]):
    """Decides which rings of one queue share messages, and which are quick.

    While a ring waits for its confirm, further rings gather behind it and share the next one.
    """

    def __init__(
        self,
        send_quickly: Callable[[T], Awaitable[bool]],
        send: Send[T],
        *,
        largest: int = LARGEST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to ring.

        Args:
            send_quickly: sends a quick doorbell for an event; returns whether it was sent.
            send: sends the doorbells of at most *largest* events.
            largest: the most events at once.
            monotonic: returns the monotonic time in seconds.
        """
        self._send_quickly = send_quickly
        self._send = send
        self._monotonic = monotonic
        self._groups: GroupCommit[T, bool | asyncio.Future[bool]] = GroupCommit(
            self._ring, largest=largest
        )
        self._later: GroupCommit[T, bool] = GroupCommit(
            partial(send, quick=True), largest=largest, linger_sec=LATER_SEC
        )
        self._rung_at = -QUIET_SEC

    async def ring(self, one: T, *, announced: bool = False) -> bool:
        """Ring for the event *one*; return whether the broker has confirmed the doorbell.

        *announced*: a quick doorbell was sent while the event was being stored.
        """
        outcome = self._send_later(one) if announced else await self._groups.submit(one)
        return outcome if isinstance(outcome, bool) else await asyncio.shield(outcome)

    async def _ring(self, events: list[T]) -> list[bool | asyncio.Future[bool]]:
        now = self._monotonic()
        is_single = len(events) == 1 and now - self._rung_at >= QUIET_SEC
        self._rung_at = now
        if is_single and await self._send_quickly(events[0]):
            return [self._send_later(events[0])]
        return [*await self._send(events, quick=False)]

    def _send_later(self, one: T) -> asyncio.Future[bool]:
        """Send the doorbell that follows a quick one, even if the caller is cancelled."""
        return asyncio.ensure_future(self._later.submit(one))
