"""Delays between attempts. Pure functions: the caller passes the random number."""

from __future__ import annotations

FIRST_SEC = 5.0
LONGEST_SEC = 600.0
JITTER = 0.1


def retry_delay(failures: int, random: float) -> float:
    """Return the seconds to wait after the *failures*-th failed attempt of a run.

    min(2^(n-1) * 5 s, 10 min), plus a jitter of at most 10 %:

        n      1     2     3     4      5      6      7      8+
        delay  5 s   10 s  20 s  40 s   80 s   160 s  320 s  600 s

    Args:
        failures: the number of failed attempts of this run, at least 1.
        random: a number in [0, 1).
    """
    exponent = min(max(failures, 1) - 1, 16)
    base = min(FIRST_SEC * 2.0**exponent, LONGEST_SEC)
    return base * (1 + JITTER * random)
