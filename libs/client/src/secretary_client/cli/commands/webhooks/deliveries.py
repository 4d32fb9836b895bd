"""Commands on webhooks: deliveries, receivers, resend, recover, test-webhook."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import typer

from secretary_client.cli.arguments.options import Limit, SecretFile, Since, Until
from secretary_client.cli.arguments.parameters import secret_in
from secretary_client.cli.registration import WEBHOOKS as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import Session
from secretary_client.models import Delivery, WebhookFields

_DELIVERY_COLUMNS = (
    *("DELIVERY", "JOB", "PHASE", "STATE", "ATTEMPTS"),
    *("NEXT", "WAITS FOR", "RECEIVER", "LAST"),
)
_RECEIVER_COLUMNS = (
    *("RECEIVER", "ENDPOINT", "BREAKER", "UNTIL"),
    *("IN FLIGHT", "WAITING", "FAILURES", "LAST"),
)


def deliveries(
    session: Session,
    status: Annotated[str | None, typer.Option(help="pending, sending, dead, delivered …")] = None,
    receiver: Annotated[
        str | None, typer.Option(metavar="URL", help="An origin, or a URL with this origin.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="ENDPOINT", help="Only those of this endpoint.")
    ] = None,
    limit: Limit = 50,
) -> None:
    """Write a table of webhooks, newest first."""
    wanted = session.client.deliveries(status=status, receiver=receiver, endpoint=endpoint)
    found = list(itertools.islice(wanted, limit))
    rows = (
        (
            one["id"],
            one["job_id"],
            one["phase"],
            one["state"],
            len(one["attempts"]),
            one["next_attempt_at"],
            one["wait"]["why"] if one["wait"] else None,
            one["receiver"],
            _last_outcome(one) or one["reason"],
        )
        for one in found
    )
    session.write_table(_DELIVERY_COLUMNS, rows, found)


def receivers(session: Session) -> None:
    """Write a table of the receivers of webhooks that are busy or in trouble."""
    found = session.client.receivers()
    rows = (
        (
            one["receiver"],
            one["endpoint_id"],
            one["breaker"],
            one["open_until"],
            one["in_flight"],
            one["waiting"],
            one["failures"],
            one["last_error"] or one["last_status"],
        )
        for one in found
    )
    session.write_table(_RECEIVER_COLUMNS, rows, found)


def resend(
    session: Session,
    delivery_ids: Annotated[
        list[str], typer.Argument(metavar="DELIVERY…", help="The ids of webhooks.")
    ],
) -> None:
    """Send webhooks again, with the same ids and the same bytes."""
    for delivery_id in delivery_ids:
        session.client.resend(delivery_id)
        session.write_done("sent again", delivery_id)


def recover(session: Session, since: Since, until: Until = None) -> None:
    """Send all dead webhooks created in a span of time again; write their number."""
    count = session.client.recover(since, until)
    session.write_line(str(count), {"count": count})


def try_receiver(
    session: Session,
    url: Annotated[str, typer.Argument(metavar="URL", help="The receiver.")],
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the token to send.")
    ] = None,
    secret_file: SecretFile = None,
) -> None:
    """Send one test event to a receiver, and write the outcome as JSON; exit code 1: it failed."""
    fields = WebhookFields()
    if token_file:
        fields["token"] = secret_in(token_file)
    if secret_file:
        fields["secret"] = secret_in(secret_file)
    write_outcome(session, session.client.test_webhook(url, **fields))


def write_outcome(session: Session, outcome: Delivery) -> None:
    """Write the outcome of a test event as JSON, and exit with 1 if it was not delivered."""
    session.write(outcome)
    if outcome["state"] != "delivered":
        raise typer.Exit(1)


def _last_outcome(delivery: Delivery) -> str | None:
    if not delivery["attempts"]:
        return None
    last = delivery["attempts"][-1]
    return str(last["error"] or last["status_code"])


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    for function in (deliveries, receivers, resend, recover):
        command(app, function, PANEL)
    command(app, try_receiver, PANEL, name="test-webhook")
