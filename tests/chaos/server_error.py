"""Errors of MongoDB that are no outage: the server refuses commands and stays up. No I/O.

MongoDB itself makes them: its fail point ``failCommand`` answers chosen commands with a chosen
error code. https://github.com/mongodb/mongo/wiki/The-failCommand-Fail-Point
"""

from __future__ import annotations

CODES = {
    13: "Unauthorized",
    14031: "OutOfDiskSpace",
    175: "QueryPlanKilled",
    8000: "AtlasError",
    246: "SnapshotUnavailable",
    43: "CursorNotFound",
    26: "NamespaceNotFound",
    112: "WriteConflict",
    1: "InternalError",
    11601: "Interrupted",
}
READS = ("find", "aggregate", "distinct", "getMore", "count")
WRITES = ("insert", "update", "delete", "findAndModify")
COMMANDS = (READS, WRITES, (*READS, *WRITES), ("find",), ("update", "findAndModify"), ("insert",))
"""The choices of commands that fail."""


def code_of(variant: int) -> int:
    """Return the error code with the index *variant*."""
    return list(CODES)[variant]


def commands_of(choice: float) -> tuple[str, ...]:
    """Return the commands that fail, for a number in [0, 1)."""
    return COMMANDS[int(choice * len(COMMANDS))]
