"""How each move between states changes a job, as plain data: one source for every store.

A ``Change`` names what to set, unset and raise; the MongoDB repository turns it into an update, the
in-memory twin applies it. Values are set literally: nothing from outside is ever evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from secretary_common.models import (
    Job,
    Lease,
    NotifySlot,
    Outcome,
    ProgressChange,
    Settled,
    Settlement,
)
from secretary_common.models.states import TERMINAL, JobStatus, Phase


@dataclass(frozen=True, slots=True)
class Change:
    """What a move does to the fields of a job."""

    put: dict[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    raised: dict[str, int] = field(default_factory=dict)


def claimed(lease: Lease, now: datetime) -> Change:
    """A claim or a reclaim: the next attempt begins."""
    return Change(
        put={
            "status": JobStatus.PROCESSING.value,
            "lease": lease.model_dump(),
            "processing_started_at": now,
            "updated_at": now,
        },
        # ``settled`` stays: the holder before may still ask whether its last write arrived.
        drop=("progress",),
        raised={"attempt": 1, "seq": 1},
    )


def progressed(change: ProgressChange) -> Change:
    """Progress of the running attempt, without its outbox slot (stores merge that one)."""
    return Change(
        put={"progress": change.progress.model_dump(), "seq": change.seq, "updated_at": change.at}
    )


def settled(job: Job, token: str, end: Settlement) -> Change:
    """The end of an attempt of *job*, whatever its outcome."""
    status = end.outcome.status
    mark = Settled(token=token, outcome=end.outcome.value).model_dump()
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
    return Change(put, tuple(drop), raised)


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
    put |= _event(job, end.outcome.status, end.seq, end.at)


def _event(job: Job, status: JobStatus, seq: int, at: datetime) -> dict[str, Any]:
    """The outbox slot that tells of the end of *job*, if anybody wants to hear of it."""
    if job.webhook is None:
        return {}
    slot = NotifySlot(seq=seq, run=job.run, phase=Phase(status.value), due_at=at)
    return {"notify": slot.model_dump()}


def cancelled(job: Job, now: datetime, expires_at: datetime) -> Change:
    """A client cancels *job*, which waits."""
    seq = job.seq + 1
    put = {
        "status": JobStatus.CANCELLED.value,
        "seq": seq,
        "updated_at": now,
        "completed_at": now,
        "expires_at": expires_at,
        **_event(job, JobStatus.CANCELLED, seq, now),
    }
    return Change(put, drop=("error",))


def cancel_requested(now: datetime) -> Change:
    """A client cancels a job that is held: its holder does it, or who finds its lease ended."""
    return Change(put={"cancel_requested": True, "updated_at": now})


# What one run leaves on a job and the next one starts without.
_OF_A_RUN = (
    "cancel_requested",
    "completed_at",
    "error",
    "expires_at",
    "files",
    "processing_started_at",
    "progress",
    "results",
    "results_file",
    "silences",
    "usage",
)


def retried(job: Job, now: datetime) -> Change:
    """A client starts a new run of *job*, which has ended: as if it had just been submitted."""
    put = {
        "status": JobStatus.PENDING.value,
        "run": job.run + 1,
        "run_at": now,
        "forgiven": job.attempt,
        "seq": job.seq + 1,
        "updated_at": now,
    }
    return Change(put, drop=_OF_A_RUN)


def deleted(job: Job, now: datetime) -> Change:
    """A client deletes *job*, which nobody holds; one that waits is cancelled by it.

    Its expiry is now: the sweeper removes it. Its idempotency key is free again.
    """
    waits = job.status is JobStatus.PENDING
    change = cancelled(job, now, now) if waits else Change(put={"seq": job.seq + 1})
    put = {**change.put, "deleted_at": now, "updated_at": now, "expires_at": now}
    return Change(put, drop=(*change.drop, "idempotency"))


def gives_back(end: Settlement) -> bool:
    """Whether *end* returns the job to the queue, which a requested cancellation forbids."""
    return end.outcome.status is JobStatus.PENDING


def as_cancelled(end: Settlement) -> Settlement:
    """The settlement a give-back becomes when the job's cancellation was requested."""
    return replace(end, outcome=Outcome.CANCELLED, error=None, run_at=None)
