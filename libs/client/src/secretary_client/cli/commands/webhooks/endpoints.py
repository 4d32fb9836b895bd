"""The commands ``secretary endpoints …``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, cast

import typer

from secretary_client.cli.arguments.options import SecretFile, Since, Until
from secretary_client.cli.arguments.parameters import header_of, seconds, secret_in
from secretary_client.cli.commands.webhooks.deliveries import write_outcome
from secretary_client.cli.registration import WEBHOOKS as PANEL
from secretary_client.cli.registration import command, group
from secretary_client.cli.session import Session
from secretary_client.core.fields import given
from secretary_client.models import EndpointFields

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The id of an endpoint.")]


class JobEvent(StrEnum):
    """The events of a job that an endpoint may get."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


Events = Annotated[
    list[JobEvent] | None, typer.Option("--event", help="May be given several times.")
]
Types = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only jobs of these types.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only jobs with one of these tags.")]
Headers = Annotated[
    list[Any] | None,
    typer.Option(
        "--header",
        parser=header_of,
        metavar="NAME=VALUE",
        help="NAME=@FILE reads the value from a file.",
    ),
]
Enabled = Annotated[
    bool | None, typer.Option("--enabled/--no-enabled", help="Whether it gets events.")
]


def list_endpoints(session: Session) -> None:
    """List endpoints: receivers of the events of many jobs. Or work with one of them."""
    found = list(session.client.endpoints)
    rows = ((one["id"], one["enabled"], one["events"], one["url"], one["message"]) for one in found)
    session.write_table(("ENDPOINT", "ENABLED", "EVENTS", "URL", "LAST FAILURE"), rows, found)


def show(session: Session, endpoint_id: EndpointId) -> None:
    """Write an endpoint with its last failure, as JSON."""
    session.write(session.client.endpoints.get(endpoint_id))


def create(
    session: Session,
    target: Annotated[str, typer.Argument(metavar="URL", help="The receiver.")],
    *,
    secret_file: SecretFile = None,
    events: Events = None,
    job_types: Types = None,
    tags: Tags = None,
    headers: Headers = None,
    enabled: Enabled = None,
) -> None:
    """Register a receiver of the events of this key's later jobs; write its id."""
    fields = _fields(events, job_types, tags, headers, enabled)
    secret = secret_in(secret_file) if secret_file else None
    made = session.client.endpoints.create(target, secret=secret, **fields)
    session.write_line(made["id"], made)


def change(
    session: Session,
    endpoint_id: EndpointId,
    *,
    target: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Also for its webhooks that are not delivered yet."),
    ] = None,
    every_job: Annotated[bool, typer.Option("--every-job", help="Remove the filters.")] = False,
    events: Events = None,
    job_types: Types = None,
    tags: Tags = None,
    headers: Headers = None,
    enabled: Enabled = None,
) -> None:
    """Change an endpoint; what is not given stays as it is."""
    filters = EndpointFields(job_types=None, tags=None) if every_job else EndpointFields()
    filters.update(_fields(events, job_types, tags, headers, enabled))
    session.client.endpoints.change(endpoint_id, url=target, **filters)
    session.write_done("changed", endpoint_id)


def rotate(
    session: Session,
    endpoint_id: EndpointId,
    secret_file: SecretFile = None,
    overlap_sec: Annotated[
        float | None,
        typer.Option(
            parser=seconds,
            metavar="SECONDS",
            help="How long the old secret signs too.",
            show_default="a day",
        ),
    ] = None,
) -> None:
    """Give an endpoint a new secret, and write it; the old one signs too for a day."""
    secret = secret_in(secret_file) if secret_file else None
    made = session.client.endpoints.rotate(endpoint_id, secret=secret, overlap_sec=overlap_sec)
    session.write_line(made["secret"], made)


def replay(session: Session, endpoint_id: EndpointId, since: Since, until: Until = None) -> None:
    """Send the skipped and dead webhooks of a time again; write their number."""
    count = session.client.endpoints.replay(endpoint_id, since, until)
    session.write_line(str(count), {"count": count})


def test(session: Session, endpoint_id: EndpointId) -> None:
    """Send one test event to an endpoint; write the outcome as JSON; exit code 1: it failed."""
    write_outcome(session, session.client.endpoints.test(endpoint_id))


def delete(
    session: Session,
    endpoint_ids: Annotated[
        list[str], typer.Argument(metavar="ENDPOINT…", help="The ids of endpoints.")
    ],
) -> None:
    """Delete endpoints; their webhooks that are not delivered yet are dropped."""
    for endpoint_id in endpoint_ids:
        session.client.endpoints.delete(endpoint_id)
        session.write_done("deleted", endpoint_id)


def _fields(
    events: list[JobEvent] | None,
    job_types: list[str] | None,
    tags: list[str] | None,
    headers: list[Any] | None,
    enabled: bool | None,  # noqa: FBT001 - an option
) -> EndpointFields:
    fields = given(
        events=[str(event) for event in events or ()] or None,
        job_types=job_types or None,
        tags=tags or None,
        headers=dict(headers or ()) or None,
        enabled=enabled,
    )
    return cast("EndpointFields", fields)


def register(app: typer.Typer) -> None:
    """Add the group to *app*."""
    endpoints = group(app, "endpoints", PANEL, list_endpoints)
    command(endpoints, list_endpoints, name="list")
    for function in (show, create, change, rotate, replay, test, delete):
        command(endpoints, function)
