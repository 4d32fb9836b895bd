"""Commands on the system: job types and workers."""

from __future__ import annotations

from typing import Annotated

import typer

from secretary_client.command.registration import SYSTEM as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session

JobType = Annotated[str, typer.Argument(metavar="TYPE", help="A job type, for example pdf.")]


def types(session: Session) -> None:
    """Write a table of the job types with their waiting, scheduled and running jobs."""
    busy = session.client.stats()["types"]
    found = session.client.job_types()
    rows = []
    for info in found:
        now = busy.get(info["job_type"])
        state = "paused" if info["paused"] else "active"
        counts = (
            (now["waiting"], now["scheduled"], now["running"], now["oldest_wait_sec"])
            if now
            else (None,) * 4
        )
        rows.append((info["job_type"], state, info["workers"], *counts))
    columns = ("TYPE", "STATE", "WORKERS", "WAITING", "SCHEDULED", "RUNNING", "OLDEST, S")
    session.write_table(columns, rows, found)


def pause(session: Session, job_type: JobType) -> None:
    """Pause a job type: workers start no more jobs of this type."""
    session.client.pause(job_type)


def resume(session: Session, job_type: JobType) -> None:
    """Resume a job type: workers start jobs of this type again."""
    session.client.resume(job_type)


def workers(session: Session) -> None:
    """Write a table of the workers that are alive."""
    found = session.client.workers()
    rows = [
        (one["id"], one["seen_at"], one["slots"], len(one["running"]), one["job_types"])
        for one in found
    ]
    session.write_table(("WORKER", "SEEN", "SLOTS", "RUNNING", "TYPES"), rows, found)


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (types, pause, resume, workers):
        command(app, function, PANEL)
