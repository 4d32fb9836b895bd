"""Rings the doorbells of stored jobs, without making their clients wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from secretary_common.observing.trace_context import context_of
from secretary_common.observing.tracing import Kind, span
from secretary_common.ports import Doorbell

RINGS_AT_ONCE = 64
MOST_WAITING = 10_000
"""The most rings that wait for a slow broker. Older ones are dropped; polling finds their jobs."""


class Ringer:
    """Rings in the background, ``RINGS_AT_ONCE`` at a time."""

    def __init__(
        self, doorbell: Doorbell, in_background: Callable[[Coroutine[Any, Any, Any]], None]
    ) -> None:
        """*in_background* starts a task."""
        self._doorbell = doorbell
        self._in_background = in_background
        self._waiting: deque[tuple[str, str, str | None]] = deque(maxlen=MOST_WAITING)
        self._ringing = 0

    def ring_soon(self, job_type: str, job_id: str, trace: str | None = None) -> None:
        """Ring for a job that is stored. A lost ring is no error: workers also poll.

        *trace* is the ``traceparent`` of the job.
        """
        self._waiting.append((job_type, job_id, trace))
        if self._ringing < RINGS_AT_ONCE:
            self._ringing += 1
            self._in_background(self._ring())

    async def _ring(self) -> None:
        try:
            while self._waiting:
                job_type, job_id, trace = self._waiting.popleft()
                with span("publish", parent=context_of(trace), kind=Kind.PRODUCER):
                    await self._doorbell.ring_job(job_type, job_id)
        finally:
            self._ringing -= 1
