"""The commands ``secretary endpoints …``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from secretary_client.client import Client
from secretary_client.commands import Options
from secretary_client.output import as_table

FIELDS = ("events", "job_types", "tags", "enabled")
"""The fields of a request that have the name of their option."""


def list_endpoints(client: Client, _: Options) -> object:
    """Write a table of the endpoints."""
    rows = (
        (one["id"], one["enabled"], one["events"], one["url"], one["message"])
        for one in client.endpoints
    )
    return as_table(("ENDPOINT", "ENABLED", "EVENTS", "URL", "LAST FAILURE"), rows)


def show(client: Client, options: Options) -> object:
    """Write an endpoint as JSON."""
    return client.endpoints.get(options.endpoint_id)


def create(client: Client, options: Options) -> object:
    """Register a receiver of the events of this key's later jobs; write its id."""
    fields = _given(options)
    if options.secret_file:
        fields["secret"] = _secret_in(options.secret_file)
    made: str = client.endpoints.create(**fields)["id"]
    return made


def change(client: Client, options: Options) -> object:
    """Change an endpoint; what is not given stays as it is."""
    filters = {"job_types": None, "tags": None} if options.every_job else {}
    client.endpoints.change(options.endpoint_id, **filters, **_given(options))
    return None


def rotate(client: Client, options: Options) -> object:
    """Give an endpoint a new secret, and write it; the old one signs too for a day."""
    fields: dict[str, Any] = {}
    if options.secret_file:
        fields["secret"] = _secret_in(options.secret_file)
    if options.overlap_sec is not None:
        fields["overlap_sec"] = options.overlap_sec
    made: str = client.endpoints.rotate(options.endpoint_id, **fields)["secret"]
    return made


def replay(client: Client, options: Options) -> object:
    """Send the skipped and dead webhooks of a time again; write their number."""
    return str(client.endpoints.replay(options.endpoint_id, options.since, options.until))


def test(client: Client, options: Options) -> object:
    """Send one test event to an endpoint; write the outcome as JSON."""
    return client.endpoints.test(options.endpoint_id)


def delete(client: Client, options: Options) -> object:
    """Delete endpoints; their webhooks that are not delivered yet are dropped."""
    for endpoint_id in options.endpoint_ids:
        client.endpoints.delete(endpoint_id)
    return None


def _given(options: Options) -> dict[str, Any]:
    fields = {"url": options.target, **{name: getattr(options, name) for name in FIELDS}}
    if options.headers:
        fields["headers"] = dict(options.headers)
    return {name: value for name, value in fields.items() if value is not None}


def _secret_in(path: Path) -> str:
    """Return the secret in a file: an argument would show it to other users of the machine."""
    return path.read_text(encoding="utf-8").strip()


def header_of(given: str) -> tuple[str, str]:
    """Return the name and the value of ``name=value``, or of ``name=@file``.

    Raises:
        ValueError: *given* has another form.
    """
    name, equals, value = given.partition("=")
    if not (name and equals):
        raise ValueError(f"{given!r} is not NAME=VALUE")
    return name, _secret_in(Path(value[1:])) if value.startswith("@") else value
