"""``secretary batch`` and ``secretary batches``."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from secretary_client.cli.arguments.options import Limit, Status
from secretary_client.cli.arguments.sources import STANDARD_INPUT
from secretary_client.cli.registration import JOBS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.models import NewJob

LARGEST = 1000
"""The most jobs of one batch."""


def batch(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.jsonl",
            help='One job a line: {"job_type": "pdf", "parameters": {…}, "priority": 5}. '
            "- reads standard input.",
        ),
    ],
    *,
    name: Annotated[str | None, typer.Option(help="A name for listings.")] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Repeats of the command with this key make no new jobs."),
    ] = None,
) -> None:
    """Submit the jobs of a file and write the id of the batch.

    A batch has up to 1,000 jobs, and all of them are stored or none. A longer file becomes several
    batches; the command checks all lines first.
    """
    jobs = list(_jobs_in(_text_of(file), str(file)))
    if not jobs:
        raise ValueError(f"{file}: there is no job in it")
    for number, part in enumerate(_parts(jobs)):
        key = f"{idempotency_key}-{number}" if idempotency_key else None
        made = session.client.batches.submit(part, name=name, idempotency_key=key)
        session.write_line(made["batch_id"], made)


def batches(session: Session, limit: Limit = 50) -> None:
    """Write a table of batches, newest first, with the number of their jobs in each state."""
    found = list(itertools.islice(session.client.batches, limit))
    rows = (
        (
            one["batch_id"],
            one["batch_name"],
            one["status"],
            one["created_at"],
            *(one["counts"][state] for state in Status),  # type: ignore[literal-required] # it has a key for each state
        )
        for one in found
    )
    columns = ("BATCH", "NAME", "STATUS", "CREATED", *(state.upper() for state in Status))
    session.write_table(columns, rows, found)


def _text_of(file: Path) -> str:
    content = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8: {error.reason} at byte {error.start}") from error


def _jobs_in(text: str, name: str) -> Iterator[NewJob]:
    # Not splitlines(): a JSON text may have the other ends of lines in its strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            job: Any = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{name}:{number}: not JSON: {error}") from error
        if not isinstance(job, dict) or "job_type" not in job:
            raise ValueError(f'{name}:{number}: not a job: {{"job_type": …, "parameters": {{…}}}}')
        job.setdefault("parameters", {})
        yield job  # type: ignore[misc] # JSON is Any; its form is checked above


def _parts(jobs: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    waiting = iter(jobs)
    while part := list(itertools.islice(waiting, LARGEST)):
        yield part


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, batch, PANEL)
    command(app, batches, PANEL)
