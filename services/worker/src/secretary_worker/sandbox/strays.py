"""Ends processes that left the group of the child that started them."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_ROUNDS = 100


def end_strays(parent: int, known: Collection[int] = ()) -> None:
    """Kill the child processes of *parent* but *known*, and those that they leave behind.

    An orphan becomes a child of the nearest ancestor that asked for orphans
    (``PR_SET_CHILD_SUBREAPER``), or of the first process of its namespace.
    """
    for _ in range(_ROUNDS):
        strays = _children(parent) - set(known)
        if not strays:
            return
        for stray in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(stray, signal.SIGKILL)
            with suppress(ChildProcessError):  # the child of another process, which reaps it
                os.waitpid(stray, 0)


def _children(parent: int) -> set[int]:
    try:
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    except OSError:
        return set()
    return set(map(int, text.split()))
