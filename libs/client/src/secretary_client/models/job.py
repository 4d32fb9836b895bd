"""Jobs, their attempts, logs and files. Times are ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Required, TypedDict


class JobProgress(TypedDict):
    """How far an attempt is."""

    step: str
    percent: int
    message: str


class JobError(TypedDict):
    """Why a job or an attempt failed."""

    code: str
    message: str
    details: dict[str, Any] | None


class JobState(TypedDict):
    """The data of an event in the stream of a job."""

    seq: int
    job_id: str
    status: str
    progress: JobProgress | None
    error: JobError | None


class JobChange(JobState):
    """The data of an event in the stream of all jobs."""

    job_type: str
    job_name: str | None
    batch_id: str | None
    user_id: str | None
    tags: list[str]
    run: int
    attempt: int


class JobSummary(TypedDict):
    """A job in a listing."""

    job_id: str
    job_type: str
    job_name: str | None
    status: str
    """``pending``, ``processing``, ``completed``, ``failed`` or ``cancelled``."""
    priority: int
    tags: list[str]
    user_id: str | None
    batch_id: str | None
    run: int
    run_at: str
    attempt: int
    max_attempts: int
    timeout_sec: float | None
    created_at: str
    updated_at: str
    processing_started_at: str | None
    completed_at: str | None
    progress: JobProgress | None
    error: JobError | None
    seq: int
    cancel_requested: bool
    usage: dict[str, Any] | None


class JobFile(TypedDict):
    """A file of a job."""

    name: str
    size: int
    sha256: str
    content_type: str
    url: str


class LogEntry(TypedDict):
    """A line in the log of a job."""

    seq: int
    attempt: int
    timestamp: str
    level: str
    message: str


class Job(JobSummary):
    """A job in full."""

    parameters: dict[str, Any]
    target: str | None
    results: dict[str, Any] | None
    """None as long as the job has not completed, and if the results are large."""
    results_url: str | None
    files: list[JobFile]
    logs: list[LogEntry]
    """The last 100 entries."""
    deleted_at: str | None


class AttemptError(TypedDict):
    """The error of an attempt."""

    code: str
    message: str


class Attempt(TypedDict):
    """One attempt of a job."""

    attempt: int
    run: int
    outcome: str
    worker: str | None
    host: str | None
    waited_sec: float | None
    started_at: str | None
    ended_at: str | None
    ran_sec: float | None
    error: AttemptError | None
    forgiven: bool
    reason: str | None
    next_attempt_at: str | None


class Attempts(TypedDict):
    """The attempts of a job, the oldest first."""

    job_id: str
    attempts: list[Attempt]
    omitted: int


class Counts(TypedDict):
    """The number of jobs in each state."""

    pending: int
    processing: int
    completed: int
    failed: int
    cancelled: int
    total: int


class FilteredJobs(TypedDict):
    """The outcome of an action on all jobs that a filter selects."""

    matched: int
    done: int
    more: bool
    next: str | None
    """The ``cursor`` of a call for the further jobs."""


class JobFields(TypedDict, total=False):
    """The fields of a submission besides the type and the parameters."""

    job_name: str
    priority: int
    """0 to 9; the higher starts first."""
    run_at: datetime | str
    """The earliest start: a datetime with a time zone, or ISO 8601."""
    delay_sec: float
    """The earliest start, in seconds from now."""
    max_attempts: int
    timeout_sec: float
    """The limit of one attempt."""
    tags: list[str]
    user_id: str
    target: str
    """``s3://bucket/prefix/``, a place of a store for the results and the files."""


class NewJob(JobFields):
    """A job of a batch."""

    job_type: Required[str]
    parameters: Required[dict[str, Any]]


class FeedFilter(TypedDict, total=False):
    """Filters of the stream of all jobs; None: any."""

    status: str | None
    job_type: str | None
    batch_id: str | None
    tag: str | None
    user_id: str | None


class JobFilter(FeedFilter, total=False):
    """Filters that select jobs; None: any."""

    id_contains: str | None
    """A part of the job's id, of at least 4 characters."""
    created_after: datetime | str | None
    created_before: datetime | str | None


class SelectedJobs(JobFilter, total=False):
    """Filters, and how many of the jobs an action takes."""

    limit: int
    """At most 1,000, the default."""
    cursor: str | None
    """``next`` of the call before."""
