"""The log of the handlers: one line for each start and each end of an execution.

Workers append to one file with one ``write`` a line, so that kill -9 leaves only complete lines.
Only this log shows which executions really ran; the database shows what was committed.
"""

from __future__ import annotations

import functools
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

VARIABLE = "CHAOS_EXECUTION_LOG"
"""The environment variable with the path of the file."""
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT
STARTED, ENDED, WORKER_KILLED = "started", "ended", "worker killed"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a handler, by its own lines."""

    nonce: str
    """Unique for each execution; the results contain it."""
    job_id: str
    run: int
    attempt: int
    pid: int
    started_at: float
    """Unix time, like every time in this module."""
    ended_at: float | None = None
    """None: the execution did not end."""
    ending: str | None = None
    """``completed``, or the name of the raised exception."""


@dataclass(frozen=True, slots=True)
class WorkerKill:
    """A handler killed its worker on purpose."""

    pid: int
    at: float


@functools.cache
def opened() -> int:
    """Return the descriptor of the log; it stays open, also when no other can be opened."""
    return os.open(os.environ[VARIABLE], _FLAGS, 0o644)


def note(event: str, nonce: str, **fields: Any) -> None:
    """Append one line."""
    line = {"event": event, "nonce": nonce, "at": time.time(), "pid": os.getpid(), **fields}
    os.write(opened(), (json.dumps(line) + "\n").encode())


def read(path: Path) -> tuple[list[Execution], list[WorkerKill]]:
    """Return all executions in the order of their start, and the kills."""
    executions: dict[str, Execution] = {}
    kills = []
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
            kills.append(WorkerKill(one["pid"], one["at"]))
    return list(executions.values()), kills
