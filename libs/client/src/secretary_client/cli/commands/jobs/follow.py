"""Commands that follow a job: watch, logs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from secretary_client.cli.arguments.options import JobId, WaitSec
from secretary_client.cli.commands.jobs.listing import start_of
from secretary_client.cli.registration import JOBS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.cli.terminal.output import printable
from secretary_client.cli.terminal.progress import Bar, bars_for
from secretary_client.client import Client
from secretary_client.error import JobFailed, WaitTimeout
from secretary_client.event import Event
from secretary_client.models import LogEntry

POLL_SEC = 1.0
"""How long ``logs --follow`` waits for the end of the job before it reads the log again."""


def watch(session: Session, job_id: JobId, wait_sec: WaitSec = None) -> None:
    """Follow a job to its end and write its results, as JSON."""
    with bars_for(1) as bars:
        followed(session.client, job_id, bars.bar(job_id), wait_sec)
    session.write(results_of(session.client, job_id))


def followed(client: Client, job_id: str, bar: Bar, wait_sec: float | None) -> None:
    """Show the progress of a job in *bar* until it ends.

    Raises:
        WaitTimeout: the job has not ended within *wait_sec*.
    """
    for event in client.follow(job_id, timeout=wait_sec):
        bar.show(event, reason_of_wait(client, event) if event.name == "pending" else "")


def results_of(client: Client, job_id: str) -> dict[str, Any]:
    """Return the results of a job that has ended.

    Raises:
        JobFailed: the job did not complete.
    """
    job = client.job(job_id)
    if job["status"] != "completed":
        raise JobFailed(job)
    return client.results(job_id)


def reason_of_wait(client: Client, event: Event) -> str:
    """Return why a pending job does not run; empty: it is due, and a worker will take it."""
    job = client.job(event.data["job_id"])
    if job["status"] != "pending":
        return ""
    error, later = job["error"], start_of(job)
    if error:
        when = f" at {later}" if later else ""
        attempts = f"attempt {job['attempt'] + 1} of {job['max_attempts']}"
        return f"{attempts} follows{when}, after {error['code']}: {error['message']}"
    if later:
        return f"starts at {later}"
    known = {one["job_type"]: one for one in client.job_types()}.get(job["job_type"])
    if known and known["paused"]:
        return f"the type {job['job_type']} is paused"
    return "" if known and known["workers"] else f"no worker runs {job['job_type']} now"


def logs(
    session: Session,
    job_id: JobId,
    *,
    level: Annotated[str, typer.Option(help="This level and those above it.")] = "debug",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
) -> None:
    """Write the log of a job; with --json a JSON object for each line."""
    after, has_ended = None, False
    while not has_ended:
        has_ended = not follow or _has_ended(session.client, job_id)
        for line in session.client.logs(job_id, level=level, after=after):
            session.write_event(log_line(line), line)
            after = f"{line['attempt']}:{line['seq']}"


def _has_ended(client: Client, job_id: str) -> bool:
    """Wait a moment for the end of the job; return whether it has ended."""
    try:
        client.wait(job_id, timeout=POLL_SEC)
    except WaitTimeout:
        return False
    return True


def log_line(line: LogEntry) -> str:
    """Return a line of a job's log as text."""
    message = printable(line["message"])
    return f"{line['timestamp']}  {line['attempt']}  {line['level']:8} {message}"


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, watch, PANEL)
    command(app, logs, PANEL)
