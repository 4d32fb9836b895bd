"""Commands on files: upload, download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from secretary_client.cli.arguments.options import JobId
from secretary_client.cli.arguments.sources import content_of, name_of
from secretary_client.cli.registration import JOBS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.cli.terminal.progress import bars_for


def upload(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of this machine; - is standard input.")
    ],
) -> None:
    """Upload a file and write its id, for the parameter file_id of jobs."""
    with bars_for(1) as bars:
        progress = bars.bar(name_of(file)).uploading
        file_id = session.client.upload(
            content_of(file), filename=name_of(file), on_progress=progress
        )
    session.write_line(file_id, {"file_id": file_id})


def download(
    session: Session,
    job_id: JobId,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The file's name; without it: all files, as a zip."),
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to save it.")] = None,
) -> None:
    """Save one file of a job, or all its files as a zip; write the path."""
    if name is None:
        target = output or Path(f"{job_id}.zip")
        session.client.archive(job_id, target)
    else:
        # The name comes from the job, so folders in the name are cut off.
        target = output or Path(Path(name).name)
        session.client.download(job_id, name, target)
    session.write_line(str(target), {"path": str(target)})


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (upload, download):
        command(app, function, PANEL)
