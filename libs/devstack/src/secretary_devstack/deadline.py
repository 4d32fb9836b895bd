"""Waits for conditions outside this process, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from secretary_devstack.error import NotInTime

T = TypeVar("T")

POLL_SEC = 0.05


def wait_until(
    probe: Callable[[], T | None], *, timeout_sec: float, what: str, every_sec: float = POLL_SEC
) -> T:
    """Call *probe* every *every_sec* seconds until it returns a true value; return that value.

    Raises:
        NotInTime: *probe* returned no true value within *timeout_sec*; the message names *what*.
    """
    end = time.monotonic() + timeout_sec
    while True:
        if answer := probe():
            return answer
        if time.monotonic() >= end:
            raise NotInTime(f"{what}: not within {timeout_sec:g} s")
        time.sleep(every_sec)
