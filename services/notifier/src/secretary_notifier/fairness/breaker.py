"""A circuit breaker for one origin: a state machine without I/O; callers pass the time.

    closed     Every attempt may start. Ten failures in a row open the breaker, and so do failures
               of at least 70 % of at least ten attempts within five minutes.
    open       No attempt may start, for 30 s at first.
    half open  One attempt may start, the probe. If it fails, the breaker opens again for twice as
               long (at most 15 min). If the probe succeeds, the breaker closes.

An attempt that fails because of its content (404, 422) shows that the origin works.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_IN_A_ROW = 10
SHARE_OF_FAILURES = 0.7
FEWEST_ATTEMPTS = 10
WINDOW = timedelta(minutes=5)
BUCKET = timedelta(seconds=10)
"""Attempts are counted in buckets of this length, not one by one."""
FIRST_OPEN = timedelta(seconds=30)
LONGEST_OPEN = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)
"""Without a probe for this long, the breaker is idle: its receiver may never get an event again."""


@dataclass
class _Bucket:
    began_at: datetime
    attempts: int = 0
    failures: int = 0


class Breaker:
    """Counts the attempts at one origin and decides whether another one may start."""

    def __init__(self) -> None:
        self._buckets: deque[_Bucket] = deque()
        self._in_a_row = 0
        self._open_for = FIRST_OPEN
        self._open_until: datetime | None = None
        self._is_probing = False

    @property
    def open_until(self) -> datetime | None:
        """The earliest time of the probe, which may be past; None while the breaker is closed."""
        return self._open_until

    def allows(self, now: datetime, in_flight: int) -> bool:
        """Return whether one more attempt may start while *in_flight* attempts are running."""
        if self._open_until is None:
            return True
        return now >= self._open_until and not self._is_probing and not in_flight

    def begin(self) -> None:
        """Note the start of an attempt that was allowed."""
        self._is_probing = self._open_until is not None

    def note(self, *, failed: bool | None, now: datetime) -> None:
        """Note the end of an attempt; *failed*: None if it shows nothing about the origin."""
        was_probe, self._is_probing = self._is_probing, False
        if self._open_until is not None:
            # Attempts that were running when the breaker opened no longer count.
            if was_probe and failed is not None:
                self._judge_probe(failed=failed, now=now)
        elif failed is not None:
            self._count(failed=failed, now=now)
            if failed and self._is_broken():
                self._open(now)

    def is_idle(self, now: datetime) -> bool:
        """Return whether the breaker is closed and counted no attempt within ``WINDOW``.

        An open breaker is idle if its probe is due for longer than ``FORGOTTEN_AFTER``.
        """
        self._forget(now)
        if self._open_until is not None:
            return now >= self._open_until + FORGOTTEN_AFTER
        return not self._buckets

    def _judge_probe(self, *, failed: bool, now: datetime) -> None:
        if failed:
            self._open_for = min(self._open_for * 2, LONGEST_OPEN)
            self._open(now)
        else:
            self._open_for, self._open_until = FIRST_OPEN, None

    def _open(self, now: datetime) -> None:
        self._open_until = now + self._open_for
        self._buckets.clear()
        self._in_a_row = 0

    def _count(self, *, failed: bool, now: datetime) -> None:
        self._forget(now)
        if not self._buckets or now >= self._buckets[-1].began_at + BUCKET:
            self._buckets.append(_Bucket(now))
        self._buckets[-1].attempts += 1
        self._buckets[-1].failures += failed
        self._in_a_row = self._in_a_row + 1 if failed else 0

    def _forget(self, now: datetime) -> None:
        while self._buckets and self._buckets[0].began_at <= now - WINDOW:
            self._buckets.popleft()

    def _is_broken(self) -> bool:
        attempts = sum(bucket.attempts for bucket in self._buckets)
        failures = sum(bucket.failures for bucket in self._buckets)
        return self._in_a_row >= FAILURES_IN_A_ROW or (
            attempts >= FEWEST_ATTEMPTS and failures >= SHARE_OF_FAILURES * attempts
        )
