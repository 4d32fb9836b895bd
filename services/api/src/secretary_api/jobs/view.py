"""Views of jobs and logs for clients: without leases, tokens and sealed values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

from pydantic_core import to_json

from secretary_api.jobs import webhook
from secretary_api.schemas.attempt import AttemptError, Attempts, AttemptView
from secretary_api.schemas.envelope import to_wire
from secretary_common.jobs import attempts
from secretary_common.jobs.repetition import expanded
from secretary_common.models import (
    AttemptRecord,
    Job,
    JobFile,
    JsonObject,
    LogEntry,
)
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_common.secrets import secret_field


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/api/jobs/{job_id}"


def summary_of(job: Job) -> JsonObject:
    """Return the view of *job* in a listing: ``JobSummary`` describes it."""
    return {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "job_name": job.job_name,
        "status": job.status.value,
        "priority": job.priority,
        "tags": job.tags,
        "user_id": job.user_id,
        "batch_id": job.batch_id,
        "run": job.run,
        "run_at": to_wire(job.run_at),
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "timeout_sec": job.timeout_sec,
        "created_at": to_wire(job.created_at),
        "updated_at": to_wire(job.updated_at),
        "processing_started_at": _wire_or_none(job.processing_started_at),
        "completed_at": _wire_or_none(job.completed_at),
        "progress": job.progress,
        "error": job.error,
        "seq": job.seq,
        "cancel_requested": job.cancel_requested,
        "usage": job.usage,
    }


def view_of(job: Job, logs: Iterable[LogEntry]) -> JsonObject:
    """Return the full view of *job*: ``JobView`` describes it."""
    results = results_of(job)
    fits = job.results_file is None and _fit_inline(results)
    return summary_of(job) | {
        "parameters": parameters_of(job),
        "target": job.target,
        "results": results if fits else None,
        "results_url": None if fits else f"{job_path(job.job_id)}/results",
        "files": [file_of(job, file) for file in job.files],
        "logs": [log_of(entry) for entry in logs],
        "deleted_at": _wire_or_none(job.deleted_at),
    }


def receipt_of(job: Job) -> JsonObject:
    """Return the view of *job* for a key that may submit but not read: without its outcome.

    Otherwise such a key could read the results by repeating its request under the same idempotency
    key.
    """
    return view_of(_without_outcome(job), [])


def moved_of(job: Job, *, may_read: bool) -> JsonObject:
    """Return the view of a job that its client has cancelled or retried.

    *may_read*: whether the key may read jobs; other keys see no outcome, as in ``receipt_of``.
    """
    return summary_of(job if may_read else _without_outcome(job))


def _without_outcome(job: Job) -> Job:
    kept_back = ("results", "results_file", "error", "progress", "usage")
    return job.model_copy(update={**dict.fromkeys(kept_back), "files": []})


def _wire_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else to_wire(moment)


def results_of(job: Job) -> JsonObject | None:
    """Return the results of *job*, with the repeats that the store leaves out."""
    return job.results and expanded(job.results)


def file_of(job: Job, file: JobFile) -> JsonObject:
    """Return the view of a file of *job*: ``JobFileView`` describes it."""
    return {
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "content_type": file.content_type,
        "url": f"{job_path(job.job_id)}/files/{quote(file.name, safe='')}",
    }


def _fit_inline(results: JsonObject | None) -> bool:
    return results is None or len(to_json(results)) <= INLINE_RESULTS_BYTES


def parameters_of(job: Job) -> JsonObject:
    """Return the parameters as submitted, with redacted secrets."""
    given: JsonObject = secret_field.redacted(job.parameters)
    return given | ({"webhook": webhook.shown(job.webhook)} if job.webhook else {})


def log_of(entry: LogEntry) -> JsonObject:
    """Return the view of a log entry: ``LogView`` describes it."""
    return {
        "seq": entry.seq,
        "attempt": entry.attempt,
        "timestamp": to_wire(entry.timestamp),
        "level": entry.level,
        "message": entry.message,
    }


def attempts_of(job: Job, *, is_admin: bool) -> Attempts:
    """Return the view of the job's attempts; only admins see hosts."""
    records = attempts.history(job)
    before = [None, *records]
    views = [
        _attempt_of(record, attempts.waited_sec(record, earlier), is_admin=is_admin)
        for record, earlier in zip(records, before, strict=False)
    ]
    omitted = max(job.attempt - len(views), 0)
    return Attempts(job_id=job.job_id, attempts=views, omitted=omitted)


def _attempt_of(record: AttemptRecord, waited: float | None, *, is_admin: bool) -> AttemptView:
    error = record.error_code and AttemptError(
        code=record.error_code, message=record.error_message or ""
    )
    return AttemptView(
        attempt=record.attempt,
        run=record.run,
        outcome=record.outcome,
        worker=record.worker,
        host=record.host if is_admin else None,
        waited_sec=waited,
        started_at=record.started_at,
        ended_at=record.ended_at,
        ran_sec=attempts.ran_sec(record),
        error=error or None,
        forgiven=record.forgiven,
        reason=record.reason,
        next_attempt_at=record.next_attempt_at,
    )
