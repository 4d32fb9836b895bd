"""The errors of a client."""

from __future__ import annotations

from typing import Any

from secretary_client.models import Job


class Unreachable(Exception):
    """The API did not answer."""


class ApiError(Exception):
    """The API answered with an error."""

    def __init__(
        self, status: int, code: str, message: str, details: dict[str, Any] | None
    ) -> None:
        """*code* is stable; *details* may name the refused fields."""
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.retry_after: float | None = None
        """The wait that the API asks for, in seconds; None if the API asks for no wait."""


class JobFailed(Exception):
    """The job has ended without completing."""

    def __init__(self, job: Job) -> None:
        error = job["error"]
        reason = f"{error['code']}: {error['message']}" if error else job["status"]
        super().__init__(f"{job['job_id']}: {reason}")
        self.job = job
        """The job in its last state."""


class JobNotEnded(Exception):
    """The job has not ended, so it has no results yet."""

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(f"{job_id}: the job is {status}, so it has no results yet")
        self.job_id = job_id


class WaitTimeout(JobNotEnded, TimeoutError):
    """The job did not end within the timeout of the call; the job goes on."""

    def __init__(self, job_id: str, timeout: float) -> None:
        Exception.__init__(self, f"{job_id}: the job did not end within {timeout:g} s; it goes on")
        self.job_id = job_id


class InvalidWebhook(ValueError):
    """A received webhook does not come from Secretary, or is too old."""
