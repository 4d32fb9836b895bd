"""Commands on jobs: show, list, results, logs, attempts, cancel, retry, delete, all."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from secretary_client.command.registration import JOBS as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.models import AttemptError, JobSummary, SelectedJobs

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")]
JobIds = Annotated[list[str], typer.Argument(metavar="JOB…", help="The ids of jobs.")]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this job type.")]
Tag = Annotated[str | None, typer.Option(help="Only jobs with this tag.")]
Batch = Annotated[str | None, typer.Option(help="Only jobs of this batch.")]
User = Annotated[str | None, typer.Option(help="Only jobs of this user_id.")]
Limit = Annotated[int, typer.Option(min=0, help="Rows at most.")]


class Status(StrEnum):
    """The states of a job."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What is done to all jobs of a filter."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


OfStatus = Annotated[Status | None, typer.Option("--status", help="Only jobs in this state.")]


def show(session: Session, job_id: JobId) -> None:
    """Write a job as it is now, as JSON."""
    session.write(session.client.job(job_id))


def list_jobs(
    session: Session,
    status: OfStatus = None,
    job_type: Type = None,
    tag: Tag = None,
    *,
    batch: Batch = None,
    user: User = None,
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


def cancel(session: Session, job_ids: JobIds) -> None:
    """Cancel jobs; a running job stops within seconds."""
    for job_id in job_ids:
        session.client.cancel(job_id)
        session.write_done("cancelled", job_id)


def retry(session: Session, job_ids: JobIds) -> None:
    """Start new runs of jobs that have ended."""
    for job_id in job_ids:
        session.client.retry(job_id)
        session.write_done("retried", job_id)


def delete(session: Session, job_ids: JobIds) -> None:
    """Delete jobs that are not running, with their logs and files."""
    for job_id in job_ids:
        session.client.delete(job_id)
        session.write_done("deleted", job_id)


def act_on_all(
    session: Session,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="cancel, retry or delete.")],
    *,
    status: OfStatus = None,
    job_type: Type = None,
    tag: Tag = None,
    batch: Batch = None,
    user: User = None,
    limit: Annotated[int, typer.Option(min=0, help="Jobs at most.")] = 1000,
    cursor: Annotated[
        str | None, typer.Option(help="Go on after the jobs of the command before.")
    ] = None,
) -> None:
    """Cancel, retry or delete all jobs that filters select; write how many were changed."""
    selected = SelectedJobs(
        status=status,
        job_type=job_type,
        tag=tag,
        batch_id=batch,
        user_id=user,
        limit=limit,
        cursor=cursor,
    )
    client = session.client
    acts = {"cancel": client.cancel_all, "retry": client.retry_all, "delete": client.delete_all}
    found = acts[action](**selected)
    following = found["next"]
    more = f"; more jobs may match: repeat with --cursor {following}" if following else ""
    session.write_line(f"{found['done']} of {found['matched']} jobs{more}", found)


def start_of(job: JobSummary) -> str | None:
    """Return the time before which a pending job does not start; None: it has come."""
    starts_at = datetime.fromisoformat(job["run_at"])
    is_later = job["status"] == "pending" and starts_at > datetime.now(UTC)
    return job["run_at"] if is_later else None


def _error_text(error: AttemptError | None) -> str | None:
    return f"{error['code']}: {error['message']}" if error else None


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (show, results, attempts, cancel, retry, delete):
        command(app, function, PANEL)
    command(app, list_jobs, PANEL, name="list")
    command(app, act_on_all, PANEL, name="all")
