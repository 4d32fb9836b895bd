"""``secretary submit``: its options, and what it writes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Annotated, cast

import typer

from secretary_client.cli.arguments.options import WaitSec
from secretary_client.cli.arguments.parameters import is_parameter, parameter_of, seconds
from secretary_client.cli.arguments.sources import files_in, name_of
from secretary_client.cli.commands.jobs.order import Order, Submission, carried_out
from secretary_client.cli.failures import JobsFailed
from secretary_client.cli.registration import JOBS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.core.fields import given
from secretary_client.error import WaitTimeout
from secretary_client.models import JobFields


def submit(
    session: Session,
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="For example pdf.")],
    inputs: Annotated[
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
        typer.Option(
            metavar="KEY",
            help="Repeats of the command with this key make one job. "
            "A repeat with a FILE is refused, because it uploads the file again, with another id.",
        ),
    ] = None,
) -> None:
    """Submit a job, or one for each FILE, and write the ids; with --wait write the results.

    Uploads and submissions are repeated while the network is broken, and make one job each.
    """
    paths = [*(upload or ()), *(one for one in inputs or () if not is_parameter(one))]
    files = files_in(paths, apart_from=output_dir)
    if paths and not files:  # a job without a file is not what the command line asks for
        raise ValueError("the folder has no files")
    fields = given(
        job_name=job_name,
        tags=tags or None,
        priority=priority,
        run_at=run_at,
        delay_sec=delay_sec,
        max_attempts=max_attempts,
        timeout_sec=timeout_sec,
        target=target,
    )
    order = Order(
        job_type,
        dict(parameter_of(one) for one in inputs or () if is_parameter(one)),
        files,
        cast("JobFields", fields),
        idempotency_key,
        waits=wait or output_dir is not None,
        wait_sec=wait_sec,
    )
    if idempotency_key and not order.is_single:
        raise typer.BadParameter("--idempotency-key is for one job, and several files are given")
    _carry_out(session, order, parallel, output_dir)


def _carry_out(session: Session, order: Order, parallel: int, output_dir: Path | None) -> None:
    """Submit the jobs of *order*, and write what came of them."""
    if output_dir:  # now, because the jobs may take hours
        output_dir.mkdir(parents=True, exist_ok=True)
    done = carried_out(session, order, parallel)
    if output_dir:
        _save(done, output_dir)
    if order.is_single:
        _write_one(session, done[0], waits=order.waits)
    else:
        _write_each(session, done, waits=order.waits)
        _raise_failures(done)


def _write_one(session: Session, one: Submission, *, waits: bool) -> None:
    if session.as_json and not waits:
        session.write(one.as_json())
    else:
        session.write(one.results if waits else one.job_id)


def _write_each(session: Session, done: list[Submission], *, waits: bool) -> None:
    for one in done:
        if session.as_json or waits:
            session.write(json.dumps(one.as_json(), ensure_ascii=False))
        elif one.job_id:
            session.write(f"{one.job_id}  {one.file}")


def _save(done: list[Submission], folder: Path) -> None:
    """Write the results to files; of files with the same name, the later ones get a number."""
    written: set[Path] = set()
    for one in done:
        if one.results is not None:
            name = name_of(one.file) if one.file else str(one.job_id)
            numbered = (f"{name}_{number}" for number in itertools.count(2))
            names = (folder / f"{each}.json" for each in itertools.chain([name], numbered))
            target = next(path for path in names if path not in written)
            written.add(target)
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
