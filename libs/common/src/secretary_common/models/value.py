"""What every noun is made of: frozen values, ids, tokens."""

from __future__ import annotations

import secrets
import time
from typing import Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LOG_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
"""From the least to the most urgent."""
SealedSecret = str
"""A secret as it lies in MongoDB: encrypted by ``secretary_common.cipher``."""


def _uuid7() -> UUID:
    """A UUID that sorts by its time of birth (RFC 9562 §5.7): 48 bits of Unix milliseconds."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant 10
    return UUID(int=value)


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
