"""Commands that read jobs: show, results, attempts, list."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import typer

from secretary_client.cli.arguments.options import (
    JobId,
    Limit,
    OfBatch,
    OfStatus,
    OfTag,
    OfType,
    OfUser,
)
from secretary_client.cli.registration import JOBS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.models import AttemptError, JobSummary


def show(session: Session, job_id: JobId) -> None:
    """Write a job as it is now, as JSON."""
    session.write(session.client.job(job_id))


def results(session: Session, job_id: JobId) -> None:
    """Write the results of a completed job, as JSON."""
    session.write(session.client.results(job_id))


def attempts(session: Session, job_id: JobId) -> None:
    """Write a table of the attempts of a job, with their workers, times and errors."""
    found = session.client.attempts(job_id)["attempts"]
    rows = (
        (
            one["run"],
            one["attempt"],
            one["outcome"],
            one["worker"],
            one["waited_sec"],
            one["started_at"],
            one["ran_sec"],
            one["reason"] or _error_text(one["error"]),
        )
        for one in found
    )
    columns = ("RUN", "ATTEMPT", "OUTCOME", "WORKER", "WAITED, S", "STARTED", "RAN, S", "WHY")
    session.write_table(columns, rows, found)


def list_jobs(
    session: Session,
    status: OfStatus = None,
    job_type: OfType = None,
    tag: OfTag = None,
    *,
    batch: OfBatch = None,
    user: OfUser = None,
    limit: Limit = 50,
) -> None:
    """Write a table of jobs, newest first."""
    wanted = session.client.jobs(
        status=status, job_type=job_type, tag=tag, batch_id=batch, user_id=user
    )
    found = list(itertools.islice(wanted, limit))
    rows = (
        (
            job["job_id"],
            job["job_type"],
            job["status"],
            job["progress"]["percent"] if job["progress"] else None,
            job["attempt"],
            job["created_at"],
            start_of(job),
            job["error"]["code"] if job["error"] else None,
        )
        for job in found
    )
    columns = ("JOB", "TYPE", "STATUS", "%", "ATTEMPT", "CREATED", "WAITS UNTIL", "ERROR")
    session.write_table(columns, rows, found)


def start_of(job: JobSummary) -> str | None:
    """Return the time before which a pending job does not start; None: there is none."""
    starts_at = datetime.fromisoformat(job["run_at"])
    is_later = job["status"] == "pending" and starts_at > datetime.now(UTC)
    return job["run_at"] if is_later else None


def _error_text(error: AttemptError | None) -> str | None:
    return f"{error['code']}: {error['message']}" if error else None


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (show, results, attempts):
        command(app, function, PANEL)
    command(app, list_jobs, PANEL, name="list")
