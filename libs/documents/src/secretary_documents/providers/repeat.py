"""How long to wait before a request is repeated at once: pure arithmetic, randomness passed in."""

from __future__ import annotations

FIRST_SEC = 0.5
MAX_REPEATS = 4
JITTER = 0.25


def pause_sec(
    failures: int, *, asked_sec: float | None, left_sec: float, random: float
) -> float | None:
    """Seconds until the next try; None: no more, the job waits for its next attempt.

    2^(n-1) * 0.5 s, or longer where the provider asks for it, plus a jitter of at most 25 %:

        n      1      2    3    4
        pause  0.5 s  1 s  2 s  4 s

    Args:
        failures: how often the request has failed, at least 1.
        asked_sec: the provider's ``Retry-After``.
        left_sec: of the time in which a request may be repeated.
        random: a number in [0, 1).
    """
    if failures > MAX_REPEATS:
        return None
    pause = max(FIRST_SEC * 2.0 ** (failures - 1), asked_sec or 0.0) * (1 + JITTER * random)
    return pause if pause <= left_sec else None
