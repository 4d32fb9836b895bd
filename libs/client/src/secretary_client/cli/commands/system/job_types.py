"""Commands on job types: types, pause, resume."""

from __future__ import annotations

from typing import Annotated

import typer

from secretary_client.cli.registration import SYSTEM as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session

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
    session.write_done("paused", job_type)


def resume(session: Session, job_type: JobType) -> None:
    """Resume a job type: workers start jobs of this type again."""
    session.client.resume(job_type)
    session.write_done("resumed", job_type)


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (types, pause, resume):
        command(app, function, PANEL)
