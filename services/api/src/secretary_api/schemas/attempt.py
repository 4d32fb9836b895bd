"""The history of a job's attempts in answers."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import Timestamp, View

EXAMPLE_ATTEMPT: dict[str, Any] = {
    "attempt": 1,
    "run": 1,
    "outcome": "retry",
    "worker": "5f0c4be1a2b34d5e6f708192",
    "host": None,
    "waited_sec": 0.012,
    "started_at": "2026-01-01T00:00:00.012Z",
    "ended_at": "2026-01-01T00:00:04.512Z",
    "ran_sec": 4.5,
    "error": {"code": "PROCESSING_ERROR", "message": "TimeoutError: the source did not answer"},
    "forgiven": False,
    "reason": None,
    "next_attempt_at": "2026-01-01T00:00:09.731Z",
}


class AttemptError(View):
    """The error of an attempt; the job's log has the whole error."""

    code: str
    message: str


class AttemptView(View):
    """One attempt of a job."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE_ATTEMPT})

    attempt: int
    run: int
    outcome: str = Field(
        description="`running`, `completed`, `failed`, `cancelled`, `retry` (failed, and tried "
        "again), `handed_back` or `lost` (the worker died or was cut off)."
    )
    worker: str | None = Field(description="The id of the worker, as `GET /api/workers` shows it.")
    host: str | None = Field(description="The worker's host, for admins; null for others.")
    waited_sec: float | None = Field(description="How long the job had been due at the start.")
    started_at: Timestamp | None
    ended_at: Timestamp | None = Field(
        description="Null while it runs; for a lost attempt, the end of its lease."
    )
    ran_sec: float | None
    error: AttemptError | None
    forgiven: bool = Field(description="It does not count against `max_attempts`.")
    reason: str | None = Field(
        description="Why it was handed back (`shutdown`, `lease_unconfirmed`, `worker_unfit`) or "
        "lost (`lease_lost`; `worker_failure`: the job's own code froze or ended the worker)."
    )
    next_attempt_at: Timestamp | None = Field(description="The earliest start of the next one.")


class Attempts(View):
    """The attempts of a job, the oldest first."""

    job_id: str
    attempts: list[AttemptView]
    omitted: int = Field(description="How many earlier attempts are not recorded any more.")
