"""Erlang's port mapper, which nodes of a cluster share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.servers.port import HOST, free_port


class PortMapper:
    """Erlang's port mapper and cookie: the nodes of a cluster share both."""

    def __init__(self, folder: Path) -> None:
        """*folder* gets the log, and the home folder with the cookie."""
        self.port = free_port()
        self.home = folder / "home"
        self._folder = folder
        self._child: ChildProcess | None = None

    def start(self) -> None:
        """Start the port mapper if it does not run."""
        if self._child and self._child.running:
            return
        self.home.mkdir(parents=True, exist_ok=True)
        command = [shutil.which("epmd") or "epmd", "-port", str(self.port), "-address", HOST]
        log = self._folder / "epmd.log"
        self._child = ChildProcess(command, log=log, env={**os.environ, "HOME": str(self.home)})

    def stop(self) -> None:
        """Stop the port mapper, if it was started."""
        if self._child:
            self._child.stop()
