"""The commands ``secretary keys …``, for admins."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, cast

import typer

from secretary_client.cli.arguments.parameters import parameter_of
from secretary_client.cli.registration import SYSTEM as PANEL
from secretary_client.cli.registration import command, group
from secretary_client.cli.session import Session
from secretary_client.models import KeyLimits

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The id of a key, not the key.")]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="Such as max_running=4, or max_running=null for none; may be given several times.",
    ),
]


class Scope(StrEnum):
    """The rights of a key."""

    SUBMIT = "submit"
    READ = "read"
    DELIVERIES = "deliveries"
    METRICS = "metrics"
    ADMIN = "admin"


def list_keys(session: Session) -> None:
    """List API keys with their rights, limits and use, or work with one of them. For admins."""
    found = session.client.keys.all()
    rows = (
        (
            one["key_id"],
            one["name"],
            one["scopes"] or None,
            one["expires_at"],
            one["last_used_at"],
            one["used"]["running"],
            one["used"]["pending"],
            [f"{name}={limit}" for name, limit in one["limits"].items() if limit is not None],
        )
        for one in found
    )
    columns = ("KEY", "NAME", "SCOPES", "EXPIRES", "LAST USED", "RUNNING", "PENDING", "LIMITS")
    session.write_table(columns, rows, found)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for listings.")],
    *,
    scopes: Annotated[
        list[Scope] | None,
        typer.Option(
            "--scope", help="Default: all rights for its own jobs; may be given several times."
        ),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the key ends: 2026-12-31T00:00:00Z")
    ] = None,
    limits: Limits = None,
) -> None:
    """Create a key and write it: it is not shown again."""
    made = session.client.keys.create(
        name,
        scopes=[str(scope) for scope in scopes or ()],
        expires_at=expires_at,
        limits=_limits(limits) or None,
    )
    session.write_line(made["key"], made)


def change(session: Session, key_id: KeyId, *, limits: Limits = None) -> None:
    """Change the limits that are given; they hold within 5 seconds."""
    if not limits:
        raise typer.BadParameter("give at least one --limit NAME=VALUE")
    session.client.keys.change(key_id, limits=_limits(limits))
    session.write_done("changed", key_id)


def delete(
    session: Session,
    key_ids: Annotated[list[str], typer.Argument(metavar="KEY_ID…", help="The ids of keys.")],
) -> None:
    """Delete keys; they stop working within 5 seconds."""
    for key_id in key_ids:
        session.client.keys.delete(key_id)
        session.write_done("deleted", key_id)


def _limits(given: list[str] | None) -> KeyLimits:
    found: dict[str, Any] = {}
    for one in given or ():
        if "=" not in one:
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE")
        name, value = parameter_of(one)
        found[name] = value
    return cast("KeyLimits", found)


def register(app: typer.Typer) -> None:
    """Add the group to *app*."""
    keys = group(app, "keys", PANEL, list_keys)
    command(keys, list_keys, name="list")
    for function in (create, change, delete):
        command(keys, function)
