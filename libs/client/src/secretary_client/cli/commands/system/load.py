"""Commands that show the load of the system: workers, stats."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from secretary_client.cli.registration import SYSTEM as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.cli.terminal.output import as_table, terminal_table
from secretary_client.models import Stats

_COLUMNS = ("TYPE", "WAITING", "SCHEDULED", "RUNNING", "OLDEST, S")


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
    command(app, workers, PANEL)
    command(app, stats, PANEL)
