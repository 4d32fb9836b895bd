"""``secretary submit``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from secretary_client.command.parameters import is_parameter, parameter_of, seconds
from secretary_client.command.progress import Bar, bars_for
from secretary_client.command.registration import JOBS as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.command.sources import content_of, files_in, name_of
from secretary_client.command.threads import in_threads
from secretary_client.commands.follow import WaitSec, followed, results_of
from secretary_client.error import FAILURES, JobsFailed, WaitTimeout
from secretary_client.models import JobFields


@dataclass(slots=True)
class Submission:
    """One job that the command submits, and what becomes of it."""

    file: Path | None
    bar: Bar
    job_id: str | None = None
    results: dict[str, Any] | None = None
    error: Exception | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for ``--json``."""
        given = {"results": self.results} if self.results is not None else {}
        error = {"error": str(self.error)} if self.error else {}
        return {"file": str(self.file), "job_id": self.job_id, **given, **error}


@dataclass(slots=True)
class Order:
    """What all jobs of a command have in common."""

    session: Session
    job_type: str
    parameters: dict[str, Any]
    fields: JobFields = field(default_factory=JobFields)
    idempotency_key: str | None = None
    waits: bool = False
    wait_sec: float | None = None
    is_single: bool = True
    """Whether the command submits one job only."""

    def carry_out(self, one: Submission) -> None:
        """Upload the file, submit the job, and follow it if the command waits."""
        client, parameters = self.session.client, dict(self.parameters)
        if one.file:
            parameters["file_id"] = client.upload(
                content_of(one.file), filename=name_of(one.file), on_progress=one.bar.uploading
            )
        job = client.submit(
            self.job_type, parameters, idempotency_key=self.idempotency_key, **self.fields
        )
        one.job_id = job["job_id"]
        one.bar.end(f"submitted as {one.job_id}")
        if self.waits:
            if self.is_single:
                self.session.note(one.job_id)
            followed(client, one.job_id, one.bar, self.wait_sec)
            one.results = results_of(client, one.job_id)


def submit(
    session: Session,
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="For example pdf.")],
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|NAME=VALUE…",
            help="Files to upload, one job each: paths, folders, or - for standard input. "
            "NAME=VALUE is a parameter of the jobs: JSON if it can be parsed, else text; "
            "NAME=@FILE takes the content of a file.",
        ),
    ] = None,
    *,
    upload: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="As FILE; for paths with = in them.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow the jobs, and write their results as JSON.")
    ] = False,
    wait_sec: WaitSec = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="With --wait: write the results of FILE to FOLDER/FILE.json."
        ),
    ] = None,
    parallel: Annotated[
        int, typer.Option(min=1, max=64, help="How many files at the same time.")
    ] = 4,
    job_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="A name for listings.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="For listings; may be given several times.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(help="0 to 9; the higher starts first.", show_default="5")
    ] = None,
    run_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The earliest start: 2026-01-31T08:00:00Z")
    ] = None,
    delay_sec: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="SECONDS", help="The earliest start, from now."),
    ] = None,
    max_attempts: Annotated[
        int | None, typer.Option(help="How often a failing job is tried.", show_default="3")
    ] = None,
    timeout_sec: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SECONDS", help="For one attempt.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="s3://bucket/prefix/ for results and files."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Repeats of the command with this key make one job."),
    ] = None,
) -> None:
    """Submit a job, or one for each FILE, and write the ids; with --wait write the results.

    Uploads and submissions are repeated while the network is broken, and make one job each.
    """
    paths = [*(upload or ()), *(one for one in given or () if not is_parameter(one))]
    files: list[Path | None] = [*files_in(paths)] or [None]
    if idempotency_key and len(files) > 1:
        raise typer.BadParameter("--idempotency-key is for one job, and several files are given")
    fields = {
        "job_name": job_name,
        "tags": tags or None,
        "priority": priority,
        "run_at": run_at,
        "delay_sec": delay_sec,
        "max_attempts": max_attempts,
        "timeout_sec": timeout_sec,
        "target": target,
    }
    order = Order(
        session,
        job_type,
        dict(parameter_of(one) for one in given or () if is_parameter(one)),
        JobFields(**{name: value for name, value in fields.items() if value is not None}),  # type: ignore[typeddict-item]
        idempotency_key,
        wait or output_dir is not None,
        wait_sec,
        is_single=len(files) == 1,
    )
    done = _carried_out(order, files, parallel)
    _write(session, order, done, output_dir)


def _carried_out(order: Order, files: list[Path | None], parallel: int) -> list[Submission]:
    with bars_for(len(files)) as bars:
        all_ = [Submission(file, bars.bar(str(file or order.job_type))) for file in files]
        if order.is_single:
            order.carry_out(all_[0])
            return all_
        _ = order.session.client  # opened once, before the threads
        in_threads(partial(_attempt, order), all_, parallel)
    return all_


def _attempt(order: Order, one: Submission) -> None:
    try:
        order.carry_out(one)
    except FAILURES as error:
        one.error = error
        one.bar.end(str(error))


def _write(session: Session, order: Order, done: list[Submission], output_dir: Path | None) -> None:
    if output_dir:
        _save(done, output_dir)
    if order.is_single:
        [one] = done
        value = one.results if order.waits else one.job_id
        session.write(one.as_json() if session.as_json and not order.waits else value)
        return
    for one in done:
        if session.as_json or order.waits:
            session.write(json.dumps(one.as_json(), ensure_ascii=False))
        elif one.job_id:
            session.write(f"{one.job_id}  {one.file}")
    _raise_failures(done)


def _save(done: list[Submission], folder: Path) -> None:
    """Write the results to files; of files with the same name, the later ones get a number."""
    folder.mkdir(parents=True, exist_ok=True)
    names: Counter[str] = Counter()
    for one in done:
        if one.results is not None:
            name = name_of(one.file) if one.file else str(one.job_id)
            names[name] += 1
            number = f"_{names[name]}" if names[name] > 1 else ""
            target = folder / f"{name}{number}.json"
            text = json.dumps(one.results, indent=2, ensure_ascii=False)
            target.write_text(text, encoding="utf-8")
            one.results = {"path": str(target)}


def _raise_failures(done: list[Submission]) -> None:
    errors = [one.error for one in done if one.error]
    if errors and all(isinstance(error, WaitTimeout) for error in errors):
        raise errors[0]
    if errors:
        raise JobsFailed(len(errors), len(done))


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, submit, PANEL)
