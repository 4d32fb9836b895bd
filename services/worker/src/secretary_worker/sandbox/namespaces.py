"""Namespaces of a zygote, where the kernel and the container allow them.

With them, the children have a network without a connection, see no process of another zygote, and
die with the first process of their namespace. Without them, the other layers of the sandbox hold.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from secretary_worker.sandbox.kernel import PR_SET_PDEATHSIG, prctl, unshare

# linux/sched.h
_NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NETWORK = 0x08000000, 0x10000000, 0x20000000, 0x40000000


def leave_network() -> bool:
    """Move this process to namespaces without a network; return whether this was allowed.

    Call this in a process with one thread.
    """
    return _tried(_leave) and _leave()


def first_process() -> int | None:
    """Put the children that this process forks from now on into a namespace of their own.

    Return the pid of the namespace's first process; None if no namespace is allowed. If the first
    process ends, the kernel ends all others. The first process ends with this process.
    """
    here = os.getpid()
    try:
        unshare(_NEW_PID)
    except OSError:
        return None
    pid = os.fork()
    if pid == 0:
        _be_first(here)
    return pid


def _leave() -> bool:
    flags = _NEW_NETWORK | _NEW_IPC
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(flags)
    except PermissionError:  # it takes root, or a user namespace in which this user is root
        unshare(flags | _NEW_USER)
        _map_to_itself(user, group)
    return True


def _tried(change: Callable[[], bool]) -> bool:
    """Return whether *change* succeeds in a forked process, because half a change cannot stay."""
    pid = os.fork()
    if pid == 0:
        with suppress(OSError):
            change()
            os._exit(0)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _map_to_itself(user: int, group: int) -> None:
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text, encoding="ascii")


def _be_first(parent: int) -> NoReturn:
    """Reap the orphans of the namespace until *parent* ends."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))
        # The parent is outside of the namespace, so its pid is not visible here.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
        while Path(f"/proc/{parent}").exists():
            with suppress(InterruptedError):
                signal.pause()
    finally:
        os._exit(0)
