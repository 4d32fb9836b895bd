"""What every noun is made of: frozen values, ids, tokens."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LOG_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
"""From the least to the most urgent."""
SealedSecret = str
"""A secret as it lies in MongoDB: encrypted by ``secretary_common.secrets.cipher``."""


class _Uuid7:
    """UUIDs that sort by their time of birth (RFC 9562 §5.7): 48 bits of Unix milliseconds.

    Those of one process also sort within a millisecond (§6.2, method 2: the random part of the one
    before, raised by a random amount), so the jobs of a batch keep their order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> UUID:
        with self._lock:
            fresh = (time.time_ns() // 1_000_000) << 74 | secrets.randbits(73)
            if self._last >> 74 >= fresh >> 74:  # the same millisecond, or the clock was set back
                fresh = self._last + 1 + secrets.randbits(32)
            self._last = fresh
            moment, random = divmod(self._last, 1 << 74)
        value = moment << 80 | (random >> 62) << 64 | random & (1 << 62) - 1
        value |= 0x7 << 76  # version 7
        value |= 0x2 << 62  # variant 10
        return UUID(int=value)


_uuid7 = _Uuid7()


def new_job_id() -> str:
    """A fresh job id: ``job-<uuid7>``."""
    return f"job-{_uuid7()}"


def new_batch_id() -> str:
    """A fresh batch id: ``batch-<uuid7>``."""
    return f"batch-{_uuid7()}"


def new_file_id() -> str:
    """A fresh file id: ``file-<uuid7>``."""
    return f"file-{_uuid7()}"


def new_test_id() -> str:
    """A fresh id for a test of a receiver, which has no job: ``test-<uuid7>``."""
    return f"test-{_uuid7()}"


def new_token() -> str:
    """A fresh unguessable token: for a lease, or for a process's identity at this boot."""
    return secrets.token_hex(12)


class Value(BaseModel):
    """A value that never changes and knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
