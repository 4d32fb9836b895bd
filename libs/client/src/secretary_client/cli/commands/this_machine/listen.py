"""``secretary listen``: webhooks for a server of this machine."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from secretary_client.cli.arguments.options import OfTag, OfType
from secretary_client.cli.arguments.parameters import secret_in
from secretary_client.cli.commands.this_machine.listen_state import ListenState
from secretary_client.cli.profiles import config_folder
from secretary_client.cli.registration import HERE as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.core.connection import full_url
from secretary_client.listen.feed import events_of
from secretary_client.listen.forwarder import Forwarder
from secretary_client.listen.places import Places
from secretary_client.listen.sender import Outcome, Sender
from secretary_client.models import FeedFilter
from secretary_client.webhook import signature_of


def listen(
    session: Session,
    *,
    forward: Annotated[
        str,
        typer.Option(metavar="URL", help="The local server: http://localhost:3000/hook"),
    ],
    job_type: OfType = None,
    tag: OfTag = None,
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
    api_url, _ = session.connection()
    target = _http_url(forward)
    state = ListenState(config_folder(), api_url, target)
    secret = secret_in(secret_file) if secret_file else state.secret
    signature_of(secret, b"")  # a text that is no secret is refused before the first event
    state.write()
    forwarding = Forwarding(
        api_url,
        target,
        secret,
        after=None if from_now else state.place,
        since=None if from_now else state.at,
        filters={"job_type": job_type, "tag": tag},
        with_progress=not ends_only,
    )
    _announce(session, forwarding)
    try:
        asyncio.run(_forward(session, forwarding, Places(state.keep)))
    except BaseExceptionGroup as errors:  # one error has ended all tasks
        raise errors.exceptions[0] from None


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What the command line asks for: which events go where."""

    api_url: str
    target: str
    """The URL of the local server."""
    secret: str
    after: str | None
    """The place in the stream at which to go on; None: now."""
    since: str | None
    """The time of the event at that place."""
    filters: FeedFilter
    with_progress: bool


def _http_url(given: str) -> str:
    url = full_url(given)
    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{given!r} is not a URL of http or https")
    return url


def _announce(session: Session, forwarding: Forwarding) -> None:
    session.note(f"events of {forwarding.api_url} go to {forwarding.target}; they are signed with")
    session.note(f"  {forwarding.secret}")
    if forwarding.after:
        session.note(f"going on after {forwarding.since}")


async def _forward(session: Session, forwarding: Forwarding, places: Places) -> None:
    """Forward events until an error or Ctrl-C."""
    since = forwarding.since or datetime.now(UTC).isoformat(timespec="milliseconds")
    sender = Sender(forwarding.target, forwarding.secret, Report(session, forwarding.target))
    async with session.async_client() as client, aclosing(sender):
        forwarder = Forwarder(
            client,
            sender,
            places,
            api_url=forwarding.api_url,
            with_progress=forwarding.with_progress,
        )
        await forwarder.run(events_of(client, forwarding.after, since, forwarding.filters))


class Report:
    """Writes a line for each answer of the local server, and one line when the server is down."""

    def __init__(self, session: Session, target: str) -> None:
        """*target*: the URL of the local server."""
        self._session = session
        self._target = target
        self._is_down = False

    def __call__(self, outcome: Outcome) -> None:
        """Write what became of an attempt."""
        if outcome.status is not None:
            self._write(outcome)
        elif not self._is_down:
            self._session.note(
                f"{self._target} does not answer ({outcome.error}); the events wait for it"
            )
        self._is_down = outcome.status is None

    def _write(self, outcome: Outcome) -> None:
        event, again = outcome.event, "" if outcome.is_over else "; trying again"
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        job_id, seq = event.data["job_id"], event.data["seq"]
        shown = {"job_id": job_id, "seq": seq, "event": event.name, "status": outcome.status}
        self._session.write_event(
            f"{now}  {event.name:9}  {job_id}  {outcome.status}{again}", {"at": now, **shown}
        )


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, listen, PANEL)
