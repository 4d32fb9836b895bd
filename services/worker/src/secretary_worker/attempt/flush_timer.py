"""Decides when the writes of an attempt are flushed. An attempt without such writes has no task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context

from secretary_common.runtime.lifecycle import cancel_and_wait

FIRST_WAIT_SEC = 0.1
"""The first flush waits this long for the end of the attempt, whose write then holds everything."""
FLUSH_SEC = 0.25
"""The shortest time between two flushes."""


class FlushTimer:
    """Calls *flush* in a task when it is due, one call at a time.

    *flush* returns whether it has written everything. If not, it is called again at once.
    """

    def __init__(self, flush: Callable[[], Awaitable[bool]]) -> None:
        self._flush = flush
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # log lines of a flush name the job
        self._timer: asyncio.Handle | None = None
        self._timer_due = 0.0  # a timer of uvloop that is due at once does not know its time
        self._task: asyncio.Task[None] | None = None
        self._is_asked_again = False
        self._is_stopped = False
        self._not_before: float | None = None

    def ask(self, *, at_once: bool = False) -> None:
        """Flush when it is due. *at_once*: the first flush does not wait for the end."""
        if self._is_stopped:
            return
        if self._task:
            self._is_asked_again = True
            return
        due = self._due(at_once=at_once)
        if self._timer and self._timer_due <= due:
            return
        self._cancel_timer()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._start, context=self._context)

    async def stop(self) -> None:
        """Make no more flushes, and cancel the flush that is under way."""
        self._is_stopped = True
        self._cancel_timer()
        if self._task:
            await cancel_and_wait(self._task)

    def _due(self, *, at_once: bool) -> float:
        now = self._loop.time()
        if self._not_before is None:
            return now if at_once else now + FIRST_WAIT_SEC
        return max(now, self._not_before)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        self._timer = None
        self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        complete = True
        try:
            complete = await self._flush()
        finally:
            self._task = None
            self._not_before = self._loop.time() + (FLUSH_SEC if complete else 0.0)
            if self._is_asked_again or not complete:
                self._is_asked_again = False
                self.ask()
