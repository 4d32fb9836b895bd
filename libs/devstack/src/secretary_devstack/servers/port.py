"""Free TCP ports, each given out once."""

from __future__ import annotations

import fcntl
import functools
import os
import random
import socket
import tempfile
from pathlib import Path

HOST = "127.0.0.1"

# Below Linux' ephemeral ports (32768 up). If a server listened on an ephemeral port and stopped, a
# client that keeps connecting would at some time get that port as its own and connect to itself.
_RANGE = range(20000, 32000)

# A port is given out once, so that a server that is stopped for a while finds its port free again.
# Other processes, e.g. parallel test runners, respect this too: each given port is a locked byte of
# this file. The kernel releases the locks when the process ends.
_given: set[int] = set()
_LOCKS = Path(tempfile.gettempdir()) / f"secretary-ports-{os.getuid()}.lock"


def is_free(port: int) -> bool:
    """Return whether a server could listen on *port* of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """Return a port that is free and was not given out before; *preferred* if it is free.

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
