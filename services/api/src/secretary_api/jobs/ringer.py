"""Rings the doorbells of jobs, without making their clients wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from secretary_common.broker.rings import QUIET_SEC
from secretary_common.models import Job
from secretary_common.observing.trace_context import context_of
from secretary_common.observing.tracing import Kind, span
from secretary_common.ports import Doorbell

TURNS_OF_INSERT = 3
"""So many turns of the event loop send an insert. The announcement of the job leaves after them, so
that it does not delay the insert."""
RINGS_AT_ONCE = 64
MOST_WAITING = 10_000
"""The most rings that wait for a slow broker. Older ones are dropped; polling finds their jobs."""


class Ringer:
    """Rings in the background, ``RINGS_AT_ONCE`` at a time."""

    def __init__(
        self,
        doorbell: Doorbell,
        in_background: Callable[[Coroutine[Any, Any, Any]], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*in_background* starts a task; *monotonic* returns the monotonic time in seconds."""
        self._doorbell = doorbell
        self._in_background = in_background
        self._monotonic = monotonic
        self._waiting: deque[tuple[str, str, str | None, bool]] = deque(maxlen=MOST_WAITING)
        self._ringing = 0
        self._storing = 0
        """The number of jobs that are being stored."""
        self._stored_at = -QUIET_SEC

    def ring_soon(self, job: Job, *, announced: bool = False) -> None:
        """Ring for a job that is stored. A lost ring is no error: workers also poll.

        *announced*: see ``storing``.
        """
        self._waiting.append((job.job_type, job.job_id, job.trace, announced))
        if self._ringing < RINGS_AT_ONCE:
            self._ringing += 1
            self._in_background(self._ring())

    @contextlib.contextmanager
    def storing(self, job: Job) -> Iterator[bool]:
        """Announce *job* while the block stores it; give whether it is announced.

        So the doorbell is under way, and the worker sends its claim, while MongoDB stores the job.
        A claim that comes too early costs the worker some reads. So a job is not announced if its
        insert may have to wait for another insert, if this method was called less than
        ``QUIET_SEC`` ago, or if the job is due later.
        """
        now = self._monotonic()
        is_quiet = not self._storing and now - self._stored_at >= QUIET_SEC
        is_announced = is_quiet and job.run_at <= job.created_at
        self._stored_at = now
        self._storing += 1
        try:
            if is_announced:
                self._in_background(self._announce(job.job_type, job.job_id))
            yield is_announced
        finally:
            self._storing -= 1

    async def _announce(self, job_type: str, job_id: str) -> None:
        for _ in range(TURNS_OF_INSERT):
            await asyncio.sleep(0)
        await self._doorbell.announce_job(job_type, job_id)

    async def _ring(self) -> None:
        try:
            while self._waiting:
                job_type, job_id, trace, announced = self._waiting.popleft()
                with span("publish", parent=context_of(trace), kind=Kind.PRODUCER):
                    await self._doorbell.ring_job(job_type, job_id, announced=announced)
        finally:
            self._ringing -= 1
