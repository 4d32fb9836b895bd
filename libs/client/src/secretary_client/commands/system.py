"""Commands on the system: job types and workers."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from secretary_client.command.output import as_table, terminal_table
from secretary_client.command.registration import SYSTEM as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.models import Stats

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


def workers(session: Session) -> None:
    """Write a table of the workers that are alive."""
    found = session.client.workers()
    rows = [
        (
            one["id"],
            one["host"],
            one["pid"],
            one["seen_at"],
            one["slots"],
            one["busy"],
            one["job_types"],
            [f"{name}: {why}" for name, why in one["unfit"].items()] or None,
        )
        for one in found
    ]
    columns = ("WORKER", "HOST", "PID", "SEEN", "SLOTS", "BUSY", "TYPES", "UNFIT")
    session.write_table(columns, rows, found)


def stats(
    session: Session,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="The pause between two readings.")
    ] = 2.0,
) -> None:
    """Write exact counts of waiting and running jobs by type, and of webhooks."""
    if not watch:
        _write_stats(session, session.client.stats())
        return
    if session.as_json or not sys.stdout.isatty():
        while True:
            _write_stats(session, session.client.stats())
            time.sleep(interval)
    console = Console()
    table = _stats_table(console.width, session.client.stats())
    with Live(table, console=console, auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(_stats_table(console.width, session.client.stats()), refresh=True)


_COLUMNS = ("TYPE", "WAITING", "SCHEDULED", "RUNNING", "OLDEST, S")


def _write_stats(session: Session, found: Stats) -> None:
    session.write_line(as_table(_COLUMNS, _stats_rows(found)), found)


def _stats_table(room: int, found: Stats) -> Table:
    return terminal_table(room, _COLUMNS, _stats_rows(found))


def _stats_rows(found: Stats) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (name, one["waiting"], one["scheduled"], one["running"], one["oldest_wait_sec"])
        for name, one in sorted(found["types"].items())
    ]
    webhooks = found["deliveries"]
    return [*rows, ("webhooks", webhooks["pending"], f"{webhooks['dead']} dead", None, None)]


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (types, pause, resume, workers, stats):
        command(app, function, PANEL)
