"""A child of the sandbox that reports what it has: its environment and its open descriptors."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from secretary_worker import Emit, Work

_MOST = 64  # ``ProcessLimits.open_files``


def begin(_: Sequence[str]) -> Work:
    """Return the function that reports."""

    def report(_: dict[str, Any], emit: Emit) -> None:
        emit({"environment": dict(os.environ), "descriptors": list(_descriptors())})

    return report


def _descriptors() -> Iterator[list[int]]:
    """Yield kind, device and number of the file of each open descriptor."""
    for number in range(_MOST):
        try:
            found = os.fstat(number)
        except OSError:
            continue
        yield [stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino]
