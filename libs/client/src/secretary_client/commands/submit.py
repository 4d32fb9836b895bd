"""``secretary submit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from secretary_client.command.parameters import is_parameter, parameter_of, seconds, without_none
from secretary_client.command.registration import JOBS as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.commands.follow import WaitSec, watched


def submit(
    session: Session,
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="For example pdf.")],
    given: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE…", help="The parameters of the job."),
    ] = None,
    *,
    upload: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Upload the file and pass its id as file_id."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow the job and write its results.")
    ] = False,
    wait_sec: WaitSec = None,
    job_name: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="May be given several times.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="0 to 9.")] = None,
    delay_sec: Annotated[float | None, typer.Option(parser=seconds, metavar="SECONDS")] = None,
    max_attempts: Annotated[int | None, typer.Option()] = None,
    timeout_sec: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SECONDS", help="For one attempt.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="s3://bucket/prefix/ for results and files."),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Repeats with this key make one job.")
    ] = None,
) -> None:
    """Submit a job and write its id; with --wait follow the job and write its results."""
    for one in given or ():
        if not is_parameter(one):
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE")
    parameters = dict(parameter_of(one) for one in given or ())
    if upload:
        parameters["file_id"] = session.client.upload(upload)
    fields = without_none(
        priority=priority,
        delay_sec=delay_sec,
        max_attempts=max_attempts,
        timeout_sec=timeout_sec,
        job_name=job_name,
        tags=tags or None,
        target=target,
    )
    job = session.client.submit(job_type, parameters, idempotency_key=idempotency_key, **fields)
    if not wait:
        session.write_line(job["job_id"], job)
        return
    session.note(job["job_id"])
    session.write(watched(session.client, job["job_id"], wait_sec))


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, submit, PANEL)
