"""The handlers' own record: a line for each start and each end of an execution.

Workers append to one file with one ``write`` a line, so that what a kill -9 leaves is whole lines.
It is the only witness of what was really run: the database knows what was committed.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

VARIABLE = "CHAOS_RECORD"
"""The environment variable that names the file."""
STARTED, ENDED, SUICIDE = "started", "ended", "suicide"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a handler, as it told itself."""

    nonce: str
    """Made anew for it; its results carry it."""
    job_id: str
    run: int
    attempt: int
    pid: int
    started_at: float
    """Unix time, as every time here."""
    ended_at: float | None = None
    """None: it never came to its end."""
    ending: str | None = None
    """``completed``, or the name of what was raised."""


@dataclass(frozen=True, slots=True)
class Suicide:
    """A handler killed its worker on purpose."""

    pid: int
    at: float


def note(event: str, nonce: str, **fields: Any) -> None:
    """Append one line."""
    line = {"event": event, "nonce": nonce, "at": time.time(), "pid": os.getpid(), **fields}
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    descriptor = os.open(os.environ[VARIABLE], flags, 0o644)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)


def read(path: Path) -> tuple[list[Execution], list[Suicide]]:
    """All executions in the order of their start, and the suicides."""
    executions: dict[str, Execution] = {}
    suicides = []
    for line in path.read_text().splitlines() if path.exists() else ():
        one = json.loads(line)
        nonce = one["nonce"]
        if one["event"] == STARTED:
            executions[nonce] = Execution(
                nonce, one["job_id"], one["run"], one["attempt"], one["pid"], one["at"]
            )
        elif one["event"] == ENDED:
            executions[nonce] = replace(executions[nonce], ended_at=one["at"], ending=one["ending"])
        else:
            suicides.append(Suicide(one["pid"], one["at"]))
    return list(executions.values()), suicides
