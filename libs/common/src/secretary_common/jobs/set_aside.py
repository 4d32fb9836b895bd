"""Sets aside a job that this version cannot read: a pure rule on the job's raw document.

A job that has not ended ends as ``failed`` with the code ``UNREADABLE``. The unreadable fields move
into ``unreadable``, and substitutes replace the fields that a job needs. From then on the job can
be read: services list it, delete it, sweep it and report it to its webhook like other jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from secretary_common.errors import ErrorCode
from secretary_common.jobs.transition import Change, event
from secretary_common.models import Job, JobError, JobStatus, Unreadable

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Replaces a time of creation that cannot be read, so that the job is listed last."""
UNKNOWN_TYPE = "unreadable"
"""Replaces a job type that cannot be read; no worker has a handler for this type."""


def may_be_set_aside(job: Job, now: datetime) -> bool:
    """Return whether no worker holds *job*. A worker that holds a job may still end the job."""
    if job.status is not JobStatus.PROCESSING or job.lease is None:
        return True
    return job.lease.expires_at <= now


def partial_job(job_id: str, values: Mapping[str, Any], now: datetime) -> Job:
    """Return a job with its readable *values*, and with substitutes for the other fields."""
    return Job.model_validate({**_stand_ins(now), "job_id": job_id, **values})


def set_aside(
    job: Job,
    document: Mapping[str, Any],
    odd: Collection[str],
    reason: str,
    *,
    now: datetime,
    expires_at: datetime,
) -> Change:
    """Return the change that sets *job* aside.

    A job that has ended keeps its state. If it has no error, it gets the error ``UNREADABLE``.

    Args:
        job: the readable part, see ``partial_job``.
        document: as it is stored.
        odd: the unreadable fields.
        reason: names the fields and their types, never their values.
        now: the store's time.
        expires_at: when retention ends.
    """
    seq = job.seq + 1
    keeps_end = job.has_ended and "status" not in odd
    put: dict[str, Any] = {
        **{name: value for name, value in _stand_ins(now).items() if name in odd},
        "unreadable": _taken_out(job, document, odd, reason, now).model_dump(),
        "seq": seq,
        "updated_at": now,
    }
    error = JobError(code=ErrorCode.UNREADABLE, message=f"this version cannot read {reason}")
    shown = {"error": error.model_dump(exclude_none=True)}
    if not keeps_end:
        put |= {"status": JobStatus.FAILED.value, "completed_at": now, **shown}
        put |= event(job, JobStatus.FAILED, seq, now)
    elif job.error is None:
        put |= shown
    if keeps_end and "notify" in odd:
        put |= event(job, job.status, seq, now)
    if job.expires_at is None:
        put["expires_at"] = expires_at
    dropped = {name for name in odd if name in document} | (set() if keeps_end else {"lease"})
    return Change(put, drop=tuple(sorted(dropped - put.keys())))


def _taken_out(
    job: Job, document: Mapping[str, Any], odd: Collection[str], reason: str, now: datetime
) -> Unreadable:
    """Return the record of the unreadable fields, with those that were taken out before."""
    before = job.unreadable.fields if job.unreadable else None
    taken = {name: document[name] for name in odd if name in document and name != "unreadable"}
    fields = {**(before if isinstance(before, dict) else {}), **taken}
    return Unreadable(at=now, reason=reason, fields=fields)


def _stand_ins(now: datetime) -> dict[str, Any]:
    """Return substitutes for the fields that every job has."""
    return {
        "job_type": UNKNOWN_TYPE,
        "owner": "",
        "status": JobStatus.FAILED.value,
        "priority": 5,
        "max_attempts": 3,
        "run_at": now,
        "created_at": UNKNOWN_TIME,
        "updated_at": now,
    }
