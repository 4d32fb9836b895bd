"""Jobs in answers, with their logs, results and files; uploads."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import Timestamp, View
from secretary_api.schemas.submission import EXAMPLE_PARAMETERS
from secretary_common.models import JobError, JobProgress, JsonObject, LogLevel
from secretary_common.models.states import JobStatus

NewerWord = Annotated[
    str, Field(description="A word of a newer version, while two versions run side by side.")
]
EXAMPLE_JOB_ID = "job-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60"


class LogView(View):
    """One log entry of a job."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    attempt: int
    timestamp: Timestamp
    level: LogLevel
    message: str


class JobSummary(View):
    """A job in a listing."""

    model_config = ConfigDict(from_attributes=True)

    job_id: str = Field(examples=[EXAMPLE_JOB_ID])
    job_type: str = Field(examples=["pdf"])
    job_name: str | None
    status: JobStatus | NewerWord
    priority: int
    tags: list[str]
    user_id: str | None
    batch_id: str | None
    run: int
    run_at: Timestamp
    attempt: int
    max_attempts: int
    timeout_sec: float | None
    created_at: Timestamp
    updated_at: Timestamp
    processing_started_at: Timestamp | None
    completed_at: Timestamp | None
    progress: JobProgress | None
    error: JobError | None
    seq: int
    cancel_requested: bool
    usage: JsonObject | None


class JobFileView(View):
    """A file of a job."""

    name: str
    size: int
    sha256: str
    content_type: str
    url: str = Field(description="The path of the file's content.")


class Uploaded(View):
    """A stored upload."""

    file_id: str = Field(
        description="The id for the parameters of jobs.",
        examples=["file-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60"],
    )
    filename: str
    size: int = Field(description="In bytes.")
    sha256: str = Field(description="The SHA-256 of the bytes, in hexadecimal.")


class JobView(JobSummary):
    """A job in full."""

    parameters: JsonObject = Field(examples=[EXAMPLE_PARAMETERS])
    target: str | None = Field(
        default=None,
        description=(
            "The place of a store with `<job_id>/results.json` and `<job_id>/files/<name>`; null: "
            "none."
        ),
    )
    results: JsonObject | None
    results_url: str | None = Field(
        default=None, description="The path of the results, if they are too large for this answer."
    )
    files: list[JobFileView]
    logs: list[LogView]
    deleted_at: Timestamp | None = Field(
        default=None, description="Set only if a repeated submission names a deleted job."
    )


class JobEvent(View):
    """The data of an event in the stream of a job."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    job_id: str
    status: JobStatus | NewerWord
    progress: JobProgress | None
    error: JobError | None


class Submitted(View):
    """An accepted job."""

    job_id: str = Field(examples=[EXAMPLE_JOB_ID])
    job: JobView
    workers: int | None = Field(
        description="How many live workers run this job type, as of at most 2 s ago. 0: the job "
        "waits for one. Null: not known now."
    )


class FeedEvent(JobEvent):
    """The data of an event in the stream of all jobs."""

    job_type: str
    job_name: str | None
    batch_id: str | None
    user_id: str | None
    tags: list[str]
    run: int
    attempt: int


class JobMoved(View):
    """A job after a cancellation or a retry."""

    job: JobSummary


class FilteredJobs(View):
    """The outcome of an action on all jobs that a filter selects."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"matched": 12, "done": 12, "more": False, "next": None}}
    )

    matched: int = Field(description="How many jobs were found, at most `limit`.")
    done: int = Field(description="How many of them were changed.")
    more: bool = Field(description="Whether further jobs may match.")
    next: str | None = Field(
        description="The `cursor` of a call for the further jobs; null: no further jobs match."
    )


class JobDeleted(View):
    """The deleted job."""

    job_id: str


class JobPage(View):
    """Jobs, newest first."""

    jobs: list[JobSummary]
    next: str | None
    """The cursor of the next page; null on the last page."""


class LogPage(View):
    """Log entries of a job, oldest first."""

    logs: list[LogView]
    next: str | None
    """The value of `after` for the next page; null at the end of the log."""


class ResultsView(View):
    """The complete results of a job."""

    job_id: str
    status: JobStatus | NewerWord
    results: JsonObject | None
