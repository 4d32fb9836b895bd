"""Lists the TCP connections of a process, from Linux's ``/proc``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ESTABLISHED = "01"


@dataclass(frozen=True, slots=True)
class TcpConnection:
    """One established TCP connection over IPv4. The process has the local port."""

    local_port: int
    remote_port: int


def connections_of(pid: int) -> list[TcpConnection]:
    """Return the established connections of the process *pid*; [] if it has ended."""
    inodes = _socket_inodes(pid)
    # /proc/net/tcp: number, local address:port, remote address:port, state, …, inode (the tenth).
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return [
        TcpConnection(_port(row[1]), _port(row[2]))
        for row in rows
        if row[3] == ESTABLISHED and row[9] in inodes
    ]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _socket_inodes(pid: int) -> set[str]:
    folder = Path(f"/proc/{pid}/fd")
    found = set()
    try:
        for entry in folder.iterdir():
            found.add(_target(entry).removeprefix("socket:[").removesuffix("]"))
    except (FileNotFoundError, ProcessLookupError):
        return found  # the process has ended
    return found


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)  # noqa: PTH115 - the target is no path of a file
    except (FileNotFoundError, ProcessLookupError):
        return ""  # the descriptor was closed meanwhile
