"""The history of a job's attempts."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from secretary_common.models.value import Value

LOST = "lost"
"""The outcome of an attempt whose lease has ended, because its worker died or was cut off."""
RUNNING = "running"
"""The outcome of an attempt that has not ended."""
MOST_ATTEMPTS = 50
"""A job keeps this many records; older ones are dropped."""


class AttemptRecord(Value):
    """One attempt of a job. Its outcome is plain text, so an older version can read newer words."""

    run: int = Field(ge=0)
    attempt: int = Field(ge=0)
    worker: str | None = None
    """The owner of the attempt's lease."""
    host: str | None = None
    """The host of that worker."""
    due_at: datetime | None = None
    """The time from which the job waited for this attempt."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    """For a lost attempt: the end of its lease."""
    outcome: str
    """A value of ``Outcome``, ``LOST`` or ``RUNNING``."""
    forgiven: bool = False
    """Whether the attempt does not count against ``max_attempts``."""
    reason: str | None = None
    """Why the attempt was handed back or lost."""
    error_code: str | None = None
    error_message: str | None = None
    """The beginning of the error's message."""
    next_attempt_at: datetime | None = None
    """The earliest start of the next attempt, if one follows."""
