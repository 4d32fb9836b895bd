"""What a dashboard may have to show: jobs in every state, webhooks, workers, receivers."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from support.api_harness import Api

from secretary_common.models import (
    Job,
    JobError,
    JobProgress,
    JobStatus,
    RunningJob,
    WorkerReport,
    new_job_id,
)

OWNER = "0123456789ab"
ERRORS = (
    ("FETCH_FAILED", "https://example.com/report.pdf: the server answered 503"),
    ("PDF_PASSWORD_REQUIRED", "the PDF needs a password"),
    ("PROVIDER_RATE_LIMITED", "the provider asks us to wait: too many requests in a minute"),
)
NAMES = ("Minutes of the board", None, "Invoice 2026-114", "Annual report", None, "Lecture 7")


def stored_jobs(
    api: Api, number: int, *, failing: bool = False, seed: int = 1, owner: str = OWNER
) -> list[Job]:
    """Store *number* jobs in all states, the newest just now; *failing*: most have failed."""
    chance, now = random.Random(seed), api.clock.now()
    weights = [3, 1, 2, 90, 4] if failing else [10, 5, 70, 12, 3]
    states = chance.choices(
        ["pending", "processing", "completed", "failed", "cancelled"], weights, k=number
    )
    jobs = [
        job_in(state, now - timedelta(seconds=7 * index**1.05), chance, owner)
        for index, state in enumerate(states)
    ]
    for job in jobs:
        api.jobs.jobs[job.job_id] = job
    return jobs


def job_in(state: str, created_at: datetime, chance: random.Random, owner: str = OWNER) -> Job:
    """Return a job that reached *state*."""
    started = created_at + timedelta(seconds=chance.uniform(0.01, 3))
    ended = started + timedelta(seconds=chance.expovariate(0.2))
    code, message = chance.choice(ERRORS)
    has_started = state != "pending"
    has_ended = state in {"completed", "failed", "cancelled"}
    return Job(
        job_id=new_job_id(),
        job_type=chance.choice(["pdf", "pdf", "custom"]),
        job_name=chance.choice(NAMES),
        owner=owner,
        status=JobStatus(state),
        tags=chance.sample(["archive", "urgent", "2026"], chance.randint(0, 2)),
        run_at=created_at
        if chance.random() < 0.7 or has_started
        else created_at + timedelta(hours=2),
        attempt=chance.choice([1, 1, 1, 3]) if has_started else 0,
        created_at=created_at,
        updated_at=ended if has_ended else started,
        processing_started_at=started if has_started else None,
        completed_at=ended if has_ended else None,
        progress=JobProgress(step="reading pages", percent=chance.randint(5, 95), message="")
        if state == "processing"
        else None,
        error=JobError(code=code, message=message) if state == "failed" else None,
        seq=2,
    )


async def report_worker(api: Api, worker_id: str, running: list[Job], slots: int = 4) -> None:
    """Report a live worker that runs *running*."""
    now = api.clock.now()
    await api.workers.report(
        WorkerReport(
            worker_id=worker_id,
            host="worker-a",
            pid=4211,
            started_at=now - timedelta(hours=5),
            seen_at=now,
            alive_until=now + timedelta(days=1),
            job_types=["pdf", "custom"],
            slots=slots,
            running=[RunningJob(job_id=job.job_id, owner=job.owner) for job in running],
            active=True,
            listening=True,
        )
    )
