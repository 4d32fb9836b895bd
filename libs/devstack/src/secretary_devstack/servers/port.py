"""TCP ports nobody listens on."""

from __future__ import annotations

import fcntl
import functools
import os
import random
import socket
import tempfile
from pathlib import Path

HOST = "127.0.0.1"

# Below Linux' ephemeral ports (32768 up). A client that dials a stopped server again and again from
# an ephemeral port would sooner or later be given that very port and connect to itself.
_RANGE = range(20000, 32000)

# Ports given out by this process are not given out again, so that a server that is stopped for a
# while finds its own port free. Nor are they by another process, e.g. the test runner beside this
# one: each is a locked byte of this file, and the kernel ends a process's locks with it.
_given: set[int] = set()
_LOCKS = Path(tempfile.gettempdir()) / f"secretary-ports-{os.getuid()}.lock"


def is_free(port: int) -> bool:
    """Whether a server could listen on *port* of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """A port that is free now and was not given out before; *preferred* if that is free.

    Raises:
        OSError: no port is free.
    """
    wanted = [] if preferred is None else [preferred]
    for port in [*wanted, *random.sample(_RANGE, k=len(_RANGE))]:
        if port not in _given and is_free(port) and _reserve(port):
            _given.add(port)
            return port
    raise OSError("no free port on 127.0.0.1")


def _reserve(port: int) -> bool:
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _lock_file() -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(_LOCKS, flags, 0o600)
