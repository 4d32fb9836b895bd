"""``secretary doctor``: what is wrong with the system."""

from __future__ import annotations

from typing import Any

import typer

from secretary_client.cli.registration import SYSTEM as PANEL
from secretary_client.cli.registration import command
from secretary_client.cli.session import URL, Session
from secretary_client.error import ApiError, Unreachable

Finding = dict[str, Any]
"""``check``, ``level`` (``ok``, ``hint`` or ``fault``), ``message``, and mostly ``remedy``."""
RETRY_SEC = 2.0
_FAULTY = 1
_LOCAL_DOCTOR = "run secretary-doctor beside a service: docker compose exec api secretary-doctor"
_REMEDIES = {
    401: "give a key of this system: SECRETARY_KEY or --key; if it was valid, api.pepper changed",
    403: "give the key of an admin: the bootstrap key, or one with the scope admin",
    404: "update the services: this version of the API cannot examine itself",
    503: _LOCAL_DOCTOR,
}


def doctor(session: Session) -> None:
    """Say what is wrong with the system, each fault in one line with its remedy.

    The API makes the checks; an admin's key is needed. The command exits with 0 if there is no
    fault, and with 1 if there is one.
    """
    findings = _examined(session)
    if session.as_json:
        session.write(findings)
    else:
        for one in findings:
            session.write(line_of(one))
    if any(one["level"] == "fault" for one in findings):
        raise typer.Exit(_FAULTY)


def line_of(finding: Finding) -> str:
    """Return a finding in one line."""
    text = f"{str(finding['level']).upper():5}  {finding['check']}: {finding['message']}"
    return f"{text} -> {finding['remedy']}" if finding.get("remedy") else text


def _examined(session: Session) -> list[Finding]:
    session.retry_sec = min(session.retry_sec, RETRY_SEC)
    try:
        answer = session.client.call("GET", "/api/doctor")
    except Unreachable as error:
        remedy = f"start the API, or correct {URL} or --url; or {_LOCAL_DOCTOR}"
        return [_fault("api.unreachable", str(error), remedy)]
    except ApiError as error:
        remedy = _REMEDIES.get(error.status, _LOCAL_DOCTOR)
        return [_fault(f"api.{error.code.lower()}", error.message, remedy)]
    found: list[Finding] = answer["findings"]
    return found


def _fault(check: str, message: str, remedy: str) -> Finding:
    return {"check": check, "level": "fault", "message": message, "remedy": remedy}


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    command(app, doctor, PANEL)
