"""Sample jobs, leases and settlements for the contract tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from secretary_common.models import (
    Job,
    JobProgress,
    Lease,
    NotifySlot,
    Outcome,
    Phase,
    ProgressChange,
    Settlement,
    Webhook,
    WorkerFailure,
)
from secretary_common.ports import JobRepository

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
TYPES = {"pdf"}
HOOK = Webhook(url="https://example.com/hook")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make_job(job_id: str = "job-1", **fields: Any) -> Job:
    given = {
        "job_id": job_id,
        "job_type": "pdf",
        "parameters": {"filename": "/a.pdf"},
        "owner": "key-1",
        "run_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Job.model_validate({**given, **fields})


def lease(token: str = "t1", owner: str = "worker-1", seconds: float = 30) -> Lease:
    return Lease(owner=owner, token=token, expires_at=after(seconds))


def end(outcome: Outcome, seq: int = 2, **fields: Any) -> Settlement:
    return Settlement(outcome=outcome, at=fields.pop("at", after(5)), seq=seq, **fields)


def progress(
    seq: int, token: str = "t1", slot: NotifySlot | None = None, percent: int = 50
) -> ProgressChange:
    step = JobProgress(step="reading", percent=percent, message="page 1")
    return ProgressChange("job-1", token, seq, after(1), step, slot)


def slot(seq: int, seconds: float) -> NotifySlot:
    return NotifySlot(seq=seq, run=1, phase=Phase.PROCESSING, due_at=after(seconds))


def worker_failure(token: str = "t1", **fields: Any) -> WorkerFailure:
    given = {"run": 1, "attempt": 1, "worker": "worker-1", "how": "frozen", "at": after(20)}
    return WorkerFailure.model_validate({**given, "token": token, **fields})


async def current(jobs: JobRepository, job_id: str = "job-1") -> Job:
    job = await jobs.get(job_id)
    assert job is not None
    return job


async def claimed(jobs: JobRepository, **fields: Any) -> Job:
    await jobs.insert(make_job(**fields))
    job = await jobs.claim("job-1", lease(), NOW, TYPES)
    assert job is not None
    return job
