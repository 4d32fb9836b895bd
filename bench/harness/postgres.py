"""A PostgreSQL server with a new, empty cluster. Only a peer needs it."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ServerMissing
from secretary_devstack.servers.port import HOST, free_port, is_free
from secretary_devstack.servers.provision import PACKAGED_POSTGRESQL
from secretary_devstack.startable import Startable

USER = "postgres"
READY_SEC = 30.0


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL of Debian's packages.

    Raises:
        ServerMissing: PostgreSQL is not installed.
    """
    found = sorted(
        PACKAGED_POSTGRESQL.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3])
    )
    if not found:
        raise ServerMissing("no PostgreSQL: as root, apt-get install postgresql")
    return found[-1].parent


class Postgres(Startable):
    """One server with the durability of its defaults: each commit waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._server: ChildProcess | None = None

    @property
    def url(self) -> str:
        """The connection string; the superuser needs no password."""
        return f"postgresql://{USER}@{HOST}:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the server; 0 before its start."""
        return self._server.pid if self._server else 0

    def start(self) -> None:
        """Make the cluster, start the server and wait until it listens.

        Raises:
            ServerMissing: PostgreSQL is not installed.
            ChildFailed: the server ended.
        """
        data, programs = self._folder / "data", binaries()
        self._make_folder()
        make = [*_as_user(), programs / "initdb", "-D", data, "-U", USER, "-A", "trust"]
        subprocess.run(  # noqa: S603 - constant words and paths of this run, no shell
            [str(word) for word in make], check=True, capture_output=True
        )
        addresses = ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="]
        command = [programs / "postgres", "-D", data, "-p", self.port, *addresses]
        self._server = server = ChildProcess(
            [*_as_user(), *map(str, command)],
            log=self._folder.parent / "postgres.log",
            env=dict(os.environ),
        )

        def listens() -> bool:
            if not server.running:
                raise server.failure("ended")
            return not is_free(self.port)

        wait_until(listens, timeout_sec=READY_SEC, what="PostgreSQL")

    def stop(self) -> None:
        """Stop the server."""
        if self._server:
            self._server.stop()

    def _make_folder(self) -> None:
        """Make the folder; its owner is the server's user, which must pass the folders above."""
        self._folder.mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(self._folder, pwd.getpwnam(USER).pw_uid, -1)
            for above in self._folder.parents[:2]:
                above.chmod(0o711)


def _as_user() -> list[str]:
    """Return words before a command: the server refuses to run as root."""
    if os.geteuid() != 0:
        return []
    ids = ["--reuid", USER, "--regid", USER, "--clear-groups"]
    return ["setpriv", *ids, "--pdeathsig", "KILL", "--"]
