"""The changes that transitions make to a job, as plain data: one source for every store.

A ``Change`` names the fields to set, to remove and to add to. The MongoDB repository turns it into
an update, the in-memory repository applies it. Values are set literally and never evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from secretary_common.jobs import attempts
from secretary_common.models import (
    AttemptRecord,
    Job,
    Lease,
    NotifySlot,
    Outcome,
    OvertakenProgress,
    ProgressChange,
    Settled,
    Settlement,
)
from secretary_common.models.states import TERMINAL, JobStatus, Phase

# The fields that a run sets and an explicit retry removes.
_OF_A_RUN = (
    "cancel_requested",
    "completed_at",
    "error",
    "expires_at",
    "files",
    "lost_leases",
    "processing_started_at",
    "progress",
    "results",
    "results_file",
    "unfit_workers",
    "unreadable",
    "usage",
    "worker_failures",
)
# What a deleted job may have of its client, its handler and its webhook.
_CONTENT = (
    "job_name",
    "tags",
    "user_id",
    "file_roots",
    "s3_places",
    "target",
    "timeout_sec",
    "lease",
    "settled",
    "worker_failures",
    "progress",
    "results",
    "results_file",
    "files",
    "error",
    "webhook",
    "endpoints",
    "usage",
    "unreadable",
)


@dataclass(frozen=True, slots=True)
class Change:
    """The fields of a job that a transition sets, removes and adds to."""

    put: dict[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    raised: dict[str, int] = field(default_factory=dict)
    """The numbers to add to counting fields."""
    ended: AttemptRecord | None = None
    """The attempt that the job leaves; the last ``MOST_ATTEMPTS`` records are kept."""


def claimed(lease: Lease, now: datetime) -> Change:
    """Return the change of a claim: the next attempt starts."""
    return Change(
        put={
            "status": JobStatus.PROCESSING.value,
            "lease": lease.model_dump(exclude_none=True),
            "processing_started_at": now,
            "updated_at": now,
        },
        # ``settled`` stays: an earlier attempt that repeats its settling write must find its mark.
        drop=("progress",),
        raised={"attempt": 1, "seq": 1},
    )


def reclaimed(job: Job, lease: Lease, now: datetime) -> Change:
    """Return the change of a reclaim: the next attempt starts, and the lost one is forgiven.

    *job* as it was before, with its ended lease.
    """
    claim = claimed(lease, now)
    raised = {**claim.raised, "forgiven": 1, "lost_leases": 1}
    return replace(claim, raised=raised, ended=attempts.lost_attempt(job))


def progressed(change: ProgressChange) -> Change:
    """Return the change of a progress write, without the slot, which each store merges."""
    return Change(
        put={"progress": change.progress.model_dump(), "seq": change.seq, "updated_at": change.at}
    )


def settled(job: Job, token: str, end: Settlement, *, lost: bool = False) -> Change:
    """Return the change that ends an attempt of *job*, with any outcome.

    *lost*: the attempt has lost its worker, and another process ends it.
    """
    status = end.outcome.status
    mark = _mark(job, token, end, lost=lost)
    put: dict[str, Any] = {
        "status": status.value,
        "seq": end.seq,
        "updated_at": end.at,
        "settled": mark,
    }
    drop = ["lease"]
    if status in TERMINAL:
        _end_run(job, end, put)
    else:
        put["run_at"] = end.run_at or end.at
        drop.append("progress")
    if end.error is not None:
        put["error"] = end.error.model_dump()
    elif end.outcome is not Outcome.HANDED_BACK:
        drop.append("error")
    raised = {"forgiven": 1} if end.outcome is Outcome.HANDED_BACK else {}
    if end.worker_was_unfit:
        raised["unfit_workers"] = 1
    left = None if status in TERMINAL else attempts.settled_attempt(job, end)
    return Change(put, tuple(drop), raised, left)


def _mark(job: Job, token: str, end: Settlement, *, lost: bool) -> dict[str, Any]:
    mark = Settled(
        token=token,
        outcome=end.outcome.value,
        worker=job.lease.owner if job.lease else None,
        host=job.lease.host if job.lease else None,
        lost=lost,
    )
    return mark.model_dump(exclude_defaults=True)


def _end_run(job: Job, end: Settlement, put: dict[str, Any]) -> None:
    put["completed_at"] = end.at
    optional = {
        "results": end.results,
        "results_file": end.results_file and end.results_file.model_dump(),
        "files": [file.model_dump() for file in end.files] or None,
        "usage": end.usage,
        "expires_at": end.expires_at,
        "progress": end.progress and end.progress.model_dump(),
    }
    put |= {name: value for name, value in optional.items() if value is not None}
    put |= event(job, end.outcome.status, end.seq, end.at, end.overtaken)


def event(
    job: Job,
    status: JobStatus,
    seq: int,
    at: datetime,
    overtaken: OvertakenProgress | None = None,
) -> dict[str, Any]:
    """Return the outbox slot for the end of *job*, if the job has a receiver.

    *overtaken*: the progress event to send before the end.
    """
    if not job.has_receivers:
        return {}
    phase = Phase(status.value)
    slot = NotifySlot(seq=seq, run=job.run, phase=phase, due_at=at, overtaken=overtaken)
    return {"notify": slot.model_dump(exclude_none=True)}


def cancelled(job: Job, now: datetime, expires_at: datetime) -> Change:
    """Return the change that cancels *job*, which is pending."""
    seq = job.seq + 1
    put = {
        "status": JobStatus.CANCELLED.value,
        "seq": seq,
        "updated_at": now,
        "completed_at": now,
        "expires_at": expires_at,
        **event(job, JobStatus.CANCELLED, seq, now),
    }
    return Change(put, drop=("error",))


def cancel_requested(now: datetime) -> Change:
    """Return the change that asks the worker to cancel the job that it runs.

    The worker that holds the job stops it. If that worker is lost, the worker that finds the ended
    lease cancels the job.
    """
    return Change(put={"cancel_requested": True, "updated_at": now})


def retried(job: Job, now: datetime) -> Change:
    """Return the change that starts a new run of *job*, which has ended."""
    put = {
        "status": JobStatus.PENDING.value,
        "run": job.run + 1,
        "run_at": now,
        "forgiven": job.attempt,
        "seq": job.seq + 1,
        "updated_at": now,
    }
    return Change(put, drop=_OF_A_RUN, ended=attempts.last_attempt(job))


def deleted(job: Job, now: datetime) -> Change:
    """Return the change that marks *job*, which no worker holds, as deleted.

    A waiting job is cancelled too. The job expires now, so the sweeper removes it. Its idempotency
    key stays, because it outlives the job.
    """
    waits = job.status is JobStatus.PENDING
    change = cancelled(job, now, now) if waits else Change(put={"seq": job.seq + 1})
    put = {**change.put, "deleted_at": now, "updated_at": now, "expires_at": now}
    return Change(put, drop=change.drop)


def made_tombstone(now: datetime, until: datetime) -> Change:
    """Return the change that leaves of a deleted job what its idempotency key needs *until* then.

    No query of a client finds a deleted job; only a repeat of its submission does.
    """
    put = {"parameters": {}, "content_removed_at": now, "expires_at": until}
    return Change(put, drop=_CONTENT)


def without_content(job: Job) -> Job:
    """Return *job* as its tombstone has it."""
    return Job(**job.model_dump(exclude={"parameters", *_CONTENT}))


def standing(end: Settlement, mark: Settled, *, lost: bool) -> Settlement | None:
    """Return the settlement that stands if *mark* bears the token of the attempt that *end* ends.

    That is *end*, which an earlier call has written; or *end* as cancelled, if a client had
    requested the cancellation. None: another process has settled the attempt. Of the attempt's
    worker and a worker that ends the attempt as lost, only the first one settles it.

    Args:
        end: the settlement that was to be written.
        mark: what the first settlement has left in the job.
        lost: as in ``settled``.
    """
    if mark.lost is not lost:
        return None
    return as_cancelled(end) if mark.outcome == Outcome.CANCELLED.value else end


def makes_pending(end: Settlement) -> bool:
    """Return whether *end* makes the job pending again, for its next attempt."""
    return end.outcome.status is JobStatus.PENDING


def as_cancelled(end: Settlement) -> Settlement:
    """Return the settlement that cancels the job instead of making it pending again."""
    return replace(end, outcome=Outcome.CANCELLED, error=None, run_at=None, worker_was_unfit=False)
