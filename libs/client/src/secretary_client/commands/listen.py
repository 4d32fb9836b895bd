"""``secretary listen``: webhooks for a server of this machine."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from secretary_client.client import full_url
from secretary_client.command.parameters import secret_in
from secretary_client.command.profiles import config_folder
from secretary_client.command.registration import HERE as PANEL
from secretary_client.command.registration import command
from secretary_client.command.session import Session
from secretary_client.listen.forwarder import Forwarder, Outcome
from secretary_client.listen.place import ListenState, Places
from secretary_client.webhook import signature_of


def listen(
    session: Session,
    *,
    forward: Annotated[
        str,
        typer.Option(metavar="URL", help="The local server: http://localhost:3000/hook"),
    ],
    job_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only jobs of this type.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only jobs with this tag.")] = None,
    ends_only: Annotated[
        bool, typer.Option("--ends-only", help="Without progress: only the ends of jobs.")
    ] = False,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A file with the secret to sign with: whsec_…; default: its own."
        ),
    ] = None,
    from_now: Annotated[
        bool,
        typer.Option("--from-now", help="Skip the events since the command ran the last time."),
    ] = False,
) -> None:
    """Forward the webhooks of all jobs of the key to a server of this machine, until Ctrl-C.

    The events come over one outgoing connection, so no notifier has to reach this machine. Each has
    the body and the headers of a webhook, signed with the secret that the command writes at its
    start. The events of a job arrive in order. While the local server is down, the command tries
    again. It remembers its place: after a restart it goes on there, within the last hour.
    """
    target = full_url(forward)
    if not target.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{forward!r} is not a URL of http or https")
    url, _ = session.connection()
    state = ListenState(config_folder(), url, target)
    secret = secret_in(secret_file) if secret_file else state.secret
    signature_of(secret, b"")  # a secret that is none is refused before the first event
    state.write()
    session.note(f"events of {url} go to {target}; they are signed with")
    session.note(f"  {secret}")
    after = None if from_now else state.place
    if after:
        session.note(f"going on after {state.at}")
    wanted = {"job_type": job_type, "tag": tag}

    async def run() -> None:
        async with session.async_client() as client:
            forwarder = Forwarder(
                client,
                target,
                secret,
                Places(state.keep),
                Report(session, target),
                api_url=url,
                with_progress=not ends_only,
            )
            await forwarder.run(after, state.at, **wanted)

    try:
        asyncio.run(run())
    except BaseExceptionGroup as errors:  # one error has ended all tasks
        raise errors.exceptions[0] from None


class Report:
    """Writes a line for each event that is over, and one line when the local server is down."""

    def __init__(self, session: Session, target: str) -> None:
        """*target*: the URL of the local server."""
        self._session = session
        self._target = target
        self._is_down = False

    def __call__(self, outcome: Outcome) -> None:
        """Write what became of an attempt."""
        if outcome.status is None:
            if not self._is_down:
                self._session.note(
                    f"{self._target} does not answer ({outcome.error}); the events wait for it"
                )
            self._is_down = True
            return
        self._is_down = False
        event, again = outcome.event, "" if outcome.is_over else "; trying again"
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        job_id = event.data["job_id"]
        self._session.write_event(
            f"{now}  {event.name:9}  {job_id}  {outcome.status}{again}",
            {
                "at": now,
                "job_id": job_id,
                "seq": event.data["seq"],
                "event": event.name,
                "status": outcome.status,
            },
        )


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, listen, PANEL)
