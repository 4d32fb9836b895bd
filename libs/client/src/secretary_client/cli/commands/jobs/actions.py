"""Commands that change jobs: cancel, retry, delete, all."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from secretary_client.cli.arguments.options import OfBatch, OfStatus, OfTag, OfType, OfUser
from secretary_client.cli.registration import JOBS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.models import SelectedJobs

JobIds = Annotated[list[str], typer.Argument(metavar="JOB…", help="The ids of jobs.")]


class Action(StrEnum):
    """What is done to all jobs of a filter."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


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
    job_type: OfType = None,
    tag: OfTag = None,
    batch: OfBatch = None,
    user: OfUser = None,
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


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (cancel, retry, delete):
        command(app, function, PANEL)
    command(app, act_on_all, PANEL, name="all")
