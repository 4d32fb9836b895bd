"""New ids, sorted by time, and unguessable tokens."""

from __future__ import annotations

import secrets
import threading
import time


class _Uuid7:
    """UUIDs that sort by their time of creation (RFC 9562 §5.7): 48 bits of Unix milliseconds.

    UUIDs of one process also sort within a millisecond, so the jobs of a batch keep their order:
    the random part of the last UUID is raised by a random amount (§6.2, method 2).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._last >> 74:
                self._last = now << 74 | secrets.randbits(73)
            else:  # the same millisecond, or the clock was set back
                self._last += 1 + secrets.randbits(32)
            moment, random = divmod(self._last, 1 << 74)
        value = moment << 80 | (random >> 62) << 64 | random & (1 << 62) - 1
        value |= 0x7 << 76  # version 7
        value |= 0x2 << 62  # variant 10
        digits = f"{value:032x}"
        # ``str(UUID(int=value))`` takes three times as long.
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_uuid7 = _Uuid7()


def new_job_id() -> str:
    """Return a new job id: ``job-<uuid7>``."""
    return f"job-{_uuid7()}"


def new_batch_id() -> str:
    """Return a new batch id: ``batch-<uuid7>``."""
    return f"batch-{_uuid7()}"


def new_file_id() -> str:
    """Return a new file id: ``file-<uuid7>``."""
    return f"file-{_uuid7()}"


def new_test_id() -> str:
    """Return a new id for a test of a receiver, which has no job: ``test-<uuid7>``."""
    return f"test-{_uuid7()}"


def new_fault_event_id() -> str:
    """Return a new id of an operator event: ``fault-<uuid7>``."""
    return f"fault-{_uuid7()}"


def new_audit_id() -> str:
    """Return a new id of an audit entry: ``audit-<uuid7>``."""
    return f"audit-{_uuid7()}"


def new_endpoint_id() -> str:
    """Return a new id of an endpoint: ``ep-<uuid7>``."""
    return f"ep-{_uuid7()}"


def new_token() -> str:
    """Return a new unguessable token: for a lease, or for a process at this start."""
    return secrets.token_hex(12)
