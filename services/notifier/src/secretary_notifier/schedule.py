"""The times of repeated attempts: arithmetic without I/O; callers pass the time and randomness.

Terminal events follow ``notifier.retry_schedule_sec``, whose default is the example of Standard
Webhooks. The first number is the wait before the first attempt. Each further number is the wait
after a failed attempt.

    attempt     1    2    3      4       5     6     7      8      9      10
    waits       0    5 s  5 min  30 min  2 h   5 h   10 h   14 h   20 h   24 h
    since then  0    5 s  5 min  35 min  2.6 h 7.6 h 17.6 h 31.6 h 51.6 h 75.6 h

Progress has two attempts, 2 s apart. A test has one attempt.

A delivery whose key the notifier lacks waits without an attempt. Each wait is as long as the time
since the schedule began, at most 5 min.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from secretary_common.models import Delivery, Release, delivery_id_of

PROGRESS_SCHEDULE_SEC = (0.0, 2.0)
TEST_SCHEDULE_SEC = (0.0,)
JITTER = 0.1
"""Added to a wait, never subtracted: no attempt is early."""
LONGEST_RETRY_AFTER_SEC = 24 * 3600.0
"""The longest wait that a receiver's ``Retry-After`` can cause, in seconds."""
LIFETIME = timedelta(days=5)
"""A delivery that is older is not sent any more."""
LONGEST_KEY_WAIT_SEC = 300.0


def waits_of(delivery: Delivery, terminal_schedule: Sequence[float]) -> Sequence[float]:
    """Return the waits of *delivery* in seconds."""
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
    """Return the time of the next attempt; None if no attempt follows.

    Args:
        schedule: waits in seconds, see above.
        attempts: how many attempts were made, at least 1; the last one failed now.
        now: the time.
        created_at: when the delivery was made, or resent by hand.
        random: a number in [0, 1), for the jitter.
        retry_after_sec: the wait that the receiver asked for; the longer of the two waits counts.
    """
    if attempts >= len(schedule):
        return None
    wait_sec = schedule[attempts] * (1 + JITTER * random)
    at = now + timedelta(seconds=max(wait_sec, retry_after_sec or 0.0))
    return None if is_too_old(created_at, at) else at


def is_too_old(created_at: datetime, at: datetime) -> bool:
    """Return whether a delivery made at *created_at* is too old to be sent at *at*."""
    return at >= created_at + LIFETIME


def release_after(
    delivery: Delivery, now: datetime, terminal_schedule: Sequence[float], *, was_tried: bool
) -> Release | None:
    """Return the release of the event that waited for one attempt of *delivery*, if any.

    Args:
        delivery: the delivery whose attempt has ended.
        now: the time.
        terminal_schedule: waits in seconds, see above.
        was_tried: whether an attempt was made, or none will be made.
    """
    if delivery.followed_by is None or not was_tried:
        return None
    at = max(now, delivery.created_at + timedelta(seconds=terminal_schedule[0]))
    return Release(delivery_id_of(delivery.order_key, delivery.followed_by), at)


def key_wait(began_at: datetime, now: datetime, shortest_sec: float) -> timedelta:
    """Return the wait of a delivery that was claimed by a notifier without its key.

    The wait is as long as the time since *began_at*, so that it doubles each time: at least
    *shortest_sec*, at most 5 min. So a notifier that has the key gets the delivery within 5 min.
    """
    waited_sec = (now - began_at).total_seconds()
    return timedelta(seconds=max(shortest_sec, min(waited_sec, LONGEST_KEY_WAIT_SEC)))
