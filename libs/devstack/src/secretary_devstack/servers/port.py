"""Finds free TCP ports. One process never gets the same port twice."""

from __future__ import annotations

import fcntl
import functools
import os
import random
import socket
import tempfile
from pathlib import Path

HOST = "127.0.0.1"

# Ports below Linux' ephemeral ports (32768 and up). If a server on an ephemeral port stopped, the
# kernel could give this port to a client that tries to connect, and the client would connect to
# itself.
_RANGE = range(20000, 32000)
_PORTS = 2**16

# No port is returned twice, so that a server that stops finds its port free when it starts again.
# Each returned port is a locked byte of this file, so that other processes, e.g. parallel test
# runners, do not use the port. The kernel releases the locks when the process ends.
_given: set[int] = set()
_LOCKS = Path(tempfile.gettempdir()) / f"secretary-ports-{os.getuid()}.lock"


def is_free(port: int) -> bool:
    """Return whether *port* is a port, and a server can listen on it at 127.0.0.1 now."""
    if not 0 < port < _PORTS:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """Return a free port that was not returned before. Return *preferred* if it is such a port.

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
