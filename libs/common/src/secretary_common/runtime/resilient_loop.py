"""Runs the loops of a service: an error of a round is logged and counted, and the loop goes on.

Only a wrong configuration at the start may end a process. An outage, a refusal of the server or a
bug ends a round of a loop, and the next round comes later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from secretary_common.errors import StoreUnavailable
from secretary_common.runtime.lifecycle import wait_for_event
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.metrics import LOOP_FAILURES

log = get_logger(__name__)

FIRST_WAIT_SEC = 1.0
LONGEST_WAIT_SEC = 30.0
MOST_DOUBLINGS = 64
"""More make no difference. An outage of hours is thousands of failures in a row."""
LOG_AGAIN_SEC = 60.0
"""The shortest time between two log lines about errors of the same kind."""


class Failures:
    """Counts the failures of one loop; decides when to log, and the wait before the next round.

    If MongoDB does not answer, the wait is always the shortest. After any other error the wait
    doubles, up to the longest wait.
    """

    def __init__(
        self,
        loop: str,
        *,
        first_wait_sec: float = FIRST_WAIT_SEC,
        longest_wait_sec: float = LONGEST_WAIT_SEC,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*loop* names the loop in logs and metrics."""
        self._loop = loop
        self._first_wait_sec = first_wait_sec
        self._longest_wait_sec = longest_wait_sec
        self._monotonic = monotonic
        self._in_a_row = 0
        self._logged_at: dict[str, float] = {}
        self._unlogged: dict[str, int] = {}

    def record(self, error: Exception) -> float:
        """Count *error*, log its kind at most once a minute; return the seconds to wait."""
        kind = _kind_of(error)
        LOOP_FAILURES.labels(self._loop, type(error).__name__).inc()
        self._log(kind, error)
        self._in_a_row += 1
        if isinstance(error, StoreUnavailable):
            return self._first_wait_sec
        doublings = min(self._in_a_row - 1, MOST_DOUBLINGS)
        return min(self._first_wait_sec * 2.0**doublings, self._longest_wait_sec)

    def end(self) -> None:
        """Record that a round has succeeded."""
        if self._in_a_row:
            log.info("loop.recovered", loop=self._loop, failures=self._in_a_row)
            self._in_a_row = 0

    def _log(self, kind: str, error: Exception) -> None:
        now = self._monotonic()
        logged_at = self._logged_at.get(kind)
        if logged_at is not None and (now - logged_at < LOG_AGAIN_SEC):
            self._unlogged[kind] = self._unlogged.get(kind, 0) + 1
            return
        self._logged_at[kind] = now
        fields = {"loop": self._loop, "error": kind, "unlogged": self._unlogged.pop(kind, 0)}
        if isinstance(error, StoreUnavailable):
            log.info("loop.failed", **fields, reason=str(error.__cause__ or error)[:300])
        else:
            log.error("loop.failed", exc=error, **fields)


async def resilient_loop(
    name: str,
    do_round: Callable[[], Awaitable[object]],
    *,
    pause_sec: float = 0.0,
    stopping: asyncio.Event | None = None,
    on_failure: Callable[[Exception], None] | None = None,
    failures: Failures | None = None,
) -> None:
    """Repeat *do_round* until *stopping* is set, or until cancelled.

    Args:
        name: of the loop, for logs and metrics.
        do_round: one round, with its own waits.
        pause_sec: the wait after a round that has succeeded.
        stopping: ends the loop after the current round; ends a wait at once.
        on_failure: called with the error of a round that has failed.
        failures: decides the wait after a failure; by default 1 to 30 s.
    """
    failures = failures or Failures(name)
    stopping = stopping or asyncio.Event()
    while not stopping.is_set():
        try:
            await do_round()
        except Exception as error:  # this is the net of every loop
            if (task := asyncio.current_task()) and task.cancelling():
                # The round has made another error of the cancellation.
                raise asyncio.CancelledError from error
            wait_sec = failures.record(error)
            if on_failure:
                on_failure(error)
        else:
            failures.end()
            wait_sec = pause_sec
        await wait_for_event(stopping, wait_sec)


async def until_done(name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do *work*, and again after each failure, until it has succeeded."""
    done = asyncio.Event()

    async def attempt() -> None:
        await work()
        done.set()

    await resilient_loop(name, attempt, stopping=done)


def _kind_of(error: Exception) -> str:
    """Return the kind of *error* for the log: its type, its cause's type, the server's code."""
    cause = error.__cause__
    names = [type(one).__name__ for one in (error, cause) if one is not None]
    code = getattr(cause if cause is not None else error, "code", None)
    return " ".join([*names, *([str(code)] if isinstance(code, int | str) else [])])
