"""Views of jobs, logs and deliveries for clients: without leases, tokens and sealed values."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from pydantic_core import to_json

from secretary_api.jobs import webhook
from secretary_api.schemas.delivery import DeliveryAttemptView, DeliveryView
from secretary_api.schemas.job import JobFileView, JobSummary, JobView, LogView
from secretary_common.jobs.repetition import expanded
from secretary_common.models import Delivery, Job, JobFile, JsonObject, LogEntry
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_common.models.states import DeliveryState
from secretary_common.secrets import secret_field

_WAITING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/api/jobs/{job_id}"


def summary_of(job: Job) -> JobSummary:
    """Return the view of *job* in a listing."""
    return JobSummary.model_validate(job)


def view_of(job: Job, logs: Iterable[LogEntry]) -> JobView:
    """Return the full view of *job*."""
    results = results_of(job)
    fits = job.results_file is None and _fit_inline(results)
    return JobView(
        **dict(summary_of(job)),
        parameters=parameters_of(job),
        results=results if fits else None,
        files=[file_of(job, file) for file in job.files],
        results_url=None if fits else f"{job_path(job.job_id)}/results",
        logs=[log_of(entry) for entry in logs],
    )


def results_of(job: Job) -> JsonObject | None:
    """Return the results of *job*, with the repeats that the store leaves out."""
    return job.results and expanded(job.results)


def file_of(job: Job, file: JobFile) -> JobFileView:
    """Return the view of a file of *job*."""
    return JobFileView(
        **file.model_dump(exclude={"file_id"}),
        url=f"{job_path(job.job_id)}/files/{quote(file.name, safe='')}",
    )


def _fit_inline(results: JsonObject | None) -> bool:
    return results is None or len(to_json(results)) <= INLINE_RESULTS_BYTES


def parameters_of(job: Job) -> JsonObject:
    """Return the parameters as submitted, with redacted secrets."""
    given: JsonObject = secret_field.redacted(job.parameters)
    return given | ({"webhook": webhook.shown(job.webhook)} if job.webhook else {})


def log_of(entry: LogEntry) -> LogView:
    """Return the view of a log entry."""
    return LogView.model_validate(entry)


def delivery_of(delivery: Delivery) -> DeliveryView:
    """Return the view of a delivery."""
    waiting = delivery.state in _WAITING
    return DeliveryView(
        id=delivery.delivery_id,
        job_id=None if delivery.is_test else delivery.job_id,
        seq=delivery.seq,
        phase=delivery.phase,
        state=delivery.state,
        created_at=delivery.created_at,
        next_attempt_at=delivery.next_attempt_at if waiting else None,
        reason=delivery.reason,
        attempts=[DeliveryAttemptView.model_validate(attempt) for attempt in delivery.attempts],
    )
