"""Arguments and options that several commands take, with their help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from secretary_client.cli.arguments.parameters import seconds


class Status(StrEnum):
    """The states of a job."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")]
WaitSec = Annotated[
    float | None,
    typer.Option(parser=seconds, metavar="SECONDS", help="How long to follow the job at most."),
]

OfStatus = Annotated[Status | None, typer.Option("--status", help="Only jobs in this state.")]
OfType = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this job type.")]
OfTag = Annotated[str | None, typer.Option("--tag", help="Only jobs with this tag.")]
OfBatch = Annotated[str | None, typer.Option("--batch", help="Only jobs of this batch.")]
OfUser = Annotated[str | None, typer.Option("--user", help="Only jobs of this user_id.")]

Limit = Annotated[int, typer.Option(min=0, help="Rows at most.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="2026-01-31T08:00:00Z")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="As --since.", show_default="now")]
SecretFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file with the secret: whsec_…")
]
