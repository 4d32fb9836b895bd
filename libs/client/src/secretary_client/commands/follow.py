"""``secretary watch``: follow a job to its end."""

from __future__ import annotations

from typing import Annotated

import typer

from secretary_client.client import Client
from secretary_client.command.parameters import seconds
from secretary_client.command.progress import Progress
from secretary_client.command.registration import JOBS as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.commands.jobs import JobId
from secretary_client.error import JobFailed, JsonObject

WaitSec = Annotated[
    float | None,
    typer.Option(parser=seconds, metavar="SECONDS", help="How long to follow the job at most."),
]


def watch(session: Session, job_id: JobId, wait_sec: WaitSec = None) -> None:
    """Follow a job to its end and write its results."""
    session.write(watched(session.client, job_id, wait_sec))


def watched(client: Client, job_id: str, wait_sec: float | None) -> JsonObject:
    """Show the progress of a job until it ends, and return its results.

    Raises:
        JobFailed: the job did not complete.
        WaitTimeout: the job has not ended within *wait_sec*.
    """
    progress = Progress()
    for event in client.follow(job_id, timeout=wait_sec):
        progress.show(event)
    job = client.job(job_id)
    if job["status"] != "completed":
        raise JobFailed(job)
    return client.results(job_id)


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, watch, PANEL)
