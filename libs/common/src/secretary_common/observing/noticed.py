"""The faults that this process notices, until they are over; ``operator_events`` reports them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noticed:
    """A fault that was noticed a short time ago."""

    event: str
    subject: str
    """What is at fault, such as a job type or a receiver; "" if there is only one."""
    details: Mapping[str, object]
    until: float
    """When it is forgotten unless it is noticed again, on the monotonic clock."""


MOST_SUBJECTS = 50
"""The most faults of one event at a time. A client can name many receivers that fail."""

_noticed: dict[tuple[str, str], Noticed] = {}


def notice(event: str, subject: str = "", *, keep_sec: float, **details: object) -> None:
    """Note that the fault is there now, and for *keep_sec* seconds unless it is forgotten.

    A further fault is not noted while ``MOST_SUBJECTS`` faults of its event are there.
    """
    until = time.monotonic() + keep_sec
    if (event, subject) in _noticed or _count_now(event) < MOST_SUBJECTS:
        _noticed[event, subject] = Noticed(event, subject, details, until)


def forget(event: str, subject: str = "") -> None:
    """Note that the fault is over."""
    _noticed.pop((event, subject), None)


def noticed_now() -> list[Noticed]:
    """Return the faults that are there now."""
    now = time.monotonic()
    for key in [key for key, one in _noticed.items() if one.until < now]:
        del _noticed[key]
    return list(_noticed.values())


def _count_now(event: str) -> int:
    return sum(one.event == event for one in noticed_now())
