"""What may go wrong for a client."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]


class Unreachable(Exception):
    """The API did not answer for as long as it was asked again."""


class ApiError(Exception):
    """The API answered with an error."""

    def __init__(self, status: int, code: str, message: str, details: JsonObject | None) -> None:
        """*code* is stable, *details* name the fields that are refused."""
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.retry_after: float | None = None
        """The seconds it asks to wait, if it does."""


class JobFailed(Exception):
    """The job ended, and did not complete."""

    def __init__(self, job: JsonObject) -> None:
        error = job.get("error") or {}
        reason = f"{error.get('code')}: {error.get('message')}" if error else job["status"]
        super().__init__(f"{job['job_id']}: {reason}")
        self.job = job
        """The job as it was shown last."""
