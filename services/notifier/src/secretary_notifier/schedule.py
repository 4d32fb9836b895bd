"""When a failed attempt is made again: pure arithmetic, randomness and time passed in.

Terminal events (Standard Webhooks' example, ``notifier.retry_schedule_sec``): the first number is
the wait before the first attempt, each next one the wait after an attempt that failed.

    attempt     1    2    3      4       5     6     7      8      9      10
    waits       0    5 s  5 min  30 min  2 h   5 h   10 h   14 h   20 h   24 h
    since then  0    5 s  5 min  35 min  2.6 h 7.6 h 17.6 h 31.6 h 51.6 h 75.6 h

Progress: one attempt and one more after 2 s. A test: one attempt.

What no key of a notifier opens waits at no cost, as long again as it has waited already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from secretary_common.models import Delivery

PROGRESS_SCHEDULE_SEC = (0.0, 2.0)
TEST_SCHEDULE_SEC = (0.0,)
JITTER = 0.1
"""Added on top, never subtracted: an attempt is never early."""
LONGEST_RETRY_AFTER_SEC = 24 * 3600.0
"""No receiver is left alone for longer because it asked so."""
LIFETIME = timedelta(days=5)
"""After this long no delivery is tried again."""
LONGEST_UNOPENED_WAIT_SEC = 300.0


def waits_of(delivery: Delivery, terminal_schedule: Sequence[float]) -> Sequence[float]:
    """The waits that hold for *delivery*."""
    if delivery.is_test:
        return TEST_SCHEDULE_SEC
    return terminal_schedule if delivery.is_terminal_event else PROGRESS_SCHEDULE_SEC


def next_attempt_at(
    schedule: Sequence[float],
    attempts: int,
    *,
    now: datetime,
    created_at: datetime,
    random: float,
    retry_after_sec: float | None = None,
) -> datetime | None:
    """When to try again after the *attempts*-th attempt failed at *now*; None for never.

    Args:
        schedule: waits in seconds, see above.
        attempts: how many were made, at least 1.
        now: the time.
        created_at: when the delivery was made, or resent by hand.
        random: a number in [0, 1), for the jitter.
        retry_after_sec: what the receiver asked for; the later of the two holds.
    """
    if attempts >= len(schedule):
        return None
    wait_sec = schedule[attempts] * (1 + JITTER * random)
    at = now + timedelta(seconds=max(wait_sec, retry_after_sec or 0.0))
    return None if is_too_old(created_at, at) else at


def is_too_old(created_at: datetime, at: datetime) -> bool:
    """Whether a delivery made at *created_at* is not to be sent any more at *at*."""
    return at >= created_at + LIFETIME


def unopened_wait(began_at: datetime, now: datetime, shortest_sec: float) -> timedelta:
    """How long a delivery waits that was claimed in vain, for want of the key it was sealed with.

    As long as it has waited since *began_at*, which doubles with each time; at least
    *shortest_sec*, at most 5 min, which is what the right key is late by.
    """
    waited_sec = (now - began_at).total_seconds()
    return timedelta(seconds=max(shortest_sec, min(waited_sec, LONGEST_UNOPENED_WAIT_SEC)))
