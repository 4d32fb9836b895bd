"""The jobs of one ``secretary submit``: uploaded, submitted, and followed if the command waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from secretary_client.cli.arguments.sources import content_of, name_of
from secretary_client.cli.commands.jobs.follow import followed, results_of
from secretary_client.cli.failures import FAILURES
from secretary_client.cli.session import Session
from secretary_client.cli.terminal.progress import Bar, bars_for
from secretary_client.cli.threads import in_threads
from secretary_client.models import JobFields


@dataclass(slots=True)
class Submission:
    """One job that the command submits, and what becomes of it."""

    file: Path | None
    """The file of the job; None: the job has no file."""
    bar: Bar
    job_id: str | None = None
    results: dict[str, Any] | None = None
    error: Exception | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for ``--json``."""
        given = {"results": self.results} if self.results is not None else {}
        error = {"error": str(self.error)} if self.error else {}
        file = str(self.file) if self.file else None
        return {"file": file, "job_id": self.job_id, **given, **error}


@dataclass(frozen=True, slots=True)
class Order:
    """What a command line asks for: a job for each file, or one job without a file."""

    job_type: str
    parameters: dict[str, Any]
    files: list[Path]
    fields: JobFields = field(default_factory=JobFields)
    idempotency_key: str | None = None
    waits: bool = False
    """Whether the command follows the jobs to their ends."""
    wait_sec: float | None = None
    """For how long it follows each job at most, in seconds; None: to its end."""

    @property
    def is_single(self) -> bool:
        """Whether the command submits one job only."""
        return len(self.files) <= 1


def carried_out(session: Session, order: Order, parallel: int) -> list[Submission]:
    """Return the jobs of *order* when each is submitted, and has ended if the command waits.

    Args:
        session: the session of the command.
        order: what the command line asks for.
        parallel: how many jobs at the same time.

    Raises:
        Exception: the error of a single job. Several jobs have their errors in ``error``.
    """
    files: Sequence[Path | None] = order.files or [None]
    with bars_for(len(files)) as bars:
        submissions = [Submission(file, bars.bar(str(file or order.job_type))) for file in files]
        if order.is_single:
            _carry_out(session, order, submissions[0])
        else:
            _ = session.client  # opened once, before the threads
            in_threads(partial(_attempt, session, order), submissions, parallel)
    return submissions


def _attempt(session: Session, order: Order, one: Submission) -> None:
    try:
        _carry_out(session, order, one)
    except FAILURES as error:
        one.error = error
        one.bar.end(str(error))


def _carry_out(session: Session, order: Order, one: Submission) -> None:
    client, parameters = session.client, dict(order.parameters)
    if one.file:
        parameters["file_id"] = client.upload(
            content_of(one.file), filename=name_of(one.file), on_progress=one.bar.uploading
        )
    job = client.submit(
        order.job_type, parameters, idempotency_key=order.idempotency_key, **order.fields
    )
    one.job_id = job["job_id"]
    one.bar.end(f"submitted as {one.job_id}")
    if order.waits:
        if order.is_single:
            session.note(one.job_id)
        followed(client, one.job_id, one.bar, order.wait_sec)
        one.results = results_of(client, one.job_id)
