"""Keeps other processes from the secrets in this process's memory and environment."""

from __future__ import annotations

import ctypes

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def hide() -> None:
    """Keep other processes of the same user from this process's memory and environment.

    Its files in ``/proc`` then belong to root, and no debugger of the same user can attach to it.
    Processes that it forks are hidden too. A program that it starts by ``exec`` is not.
    """
    _set_dumpable(0)


def show() -> None:
    """Undo ``hide`` for this process."""
    _set_dumpable(1)


def _set_dumpable(value: int) -> None:
    ctypes.CDLL(None).prctl(*map(ctypes.c_ulong, (_PR_SET_DUMPABLE, value, 0, 0, 0)))
