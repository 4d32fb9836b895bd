"""``secretary login``, ``logout`` and ``profiles``."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Annotated

import typer

from secretary_client.cli.profiles import Profile, stored_profiles
from secretary_client.cli.registration import HERE as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import DEFAULT_URL, NoKey, Session
from secretary_client.core.connection import root_of
from secretary_client.error import ApiError

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the profile.")]


def login(session: Session, name: Name = "default") -> None:
    """Store the URL and the API key for later commands, if the API accepts the key.

    The profile becomes the default one. Without --key, the command asks for the key, or reads it
    from standard input. Only you can read the file of the profiles.
    """
    session.url = root_of(session.url or _asked_url())
    session.key = (session.key or _asked_key()).strip()
    if not session.key:
        raise NoKey(session.url)
    try:
        session.client.job_types()
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:  # a key without the right to read is a key too
            raise
    profiles = stored_profiles()
    profiles.keep(name, Profile(session.url, session.key))
    session.write_line(
        f"{session.url} is now the profile {name}, in {profiles.path}",
        {"profile": name, "url": session.url, "path": str(profiles.path)},
    )


def logout(session: Session, name: Name = "default") -> None:
    """Remove a profile from this machine; the API key stays valid."""
    stored_profiles().drop(name)
    session.write_done("removed", name)


def list_profiles(session: Session) -> None:
    """Write a table of the profiles, without their keys."""
    profiles = stored_profiles()
    found = [
        {"profile": name, "url": one.url, "default": name == profiles.default}
        for name, one in profiles.by_name.items()
    ]
    rows = ((one["profile"], one["url"], "default" if one["default"] else None) for one in found)
    session.write_table(("PROFILE", "URL", ""), rows, found)


def _asked_url() -> str:
    if not sys.stdin.isatty():
        return DEFAULT_URL
    answer: str = typer.prompt("URL of the API", default=DEFAULT_URL, err=True)
    return answer


def _asked_key() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    answer: str = typer.prompt("API key", hide_input=True, err=True)
    return answer


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    command(app, login, PANEL)
    command(app, logout, PANEL)
    command(app, list_profiles, PANEL, name="profiles")
