"""One of Secretary's services as a child process, started by its console script."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from secretary_common.settings.settings import DELIMITER, PREFIX
from secretary_devstack.child_process import STOP_SEC, ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.servers.port import HOST

READY_SEC = 60.0
ANSWER_SEC = 5.0

Settings = Mapping[str, object]
"""Dotted names and their values, e.g. ``{"worker.lease_sec": 2}``."""


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of this process, with *settings* as the only variables of Secretary.

    Strings are passed unchanged, all other values as JSON.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return inherited | {_variable(name): _text(value) for name, value in settings.items()}


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace(".", DELIMITER)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def console_script(name: str, scripts: Path | None = None) -> Path:
    """Return the path of the console script *name*.

    *scripts* is the folder of an environment's scripts; None: that of this Python environment.

    Raises:
        ServerMissing: the script is not installed.
    """
    folder = scripts or Path(sys.executable).parent
    script = folder / name
    if not script.is_file():
        raise ServerMissing(f"{name} is not installed in {folder}: run `make setup`")
    return script


def answers_ok(port: int, path: str) -> bool:
    """Return whether a server at 127.0.0.1:*port* answers GET *path* with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SEC)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Service:
    """One service as a child process. It can be started again after its end."""

    def __init__(
        self,
        script: str,
        settings: Settings,
        folder: Path,
        *,
        port: int,
        name: str | None = None,
    ) -> None:
        """*folder* is the working directory with ``<name>.log``; *port* serves ``/health``."""
        self.name = name or script
        self.port = port
        self.log = folder / f"{self.name}.log"
        self.variables: dict[str, str] = {}
        """More environment variables for the service, such as ``TMPDIR``."""
        self.scripts: Path | None = None
        """The folder of the console scripts from the next start on; None: of this environment."""
        self._script = script
        self._settings = settings
        self._folder = folder
        self._child: ChildProcess | None = None

    @property
    def child(self) -> ChildProcess:
        """The process, running or ended.

        Raises:
            RuntimeError: the service was never started.
        """
        if self._child is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._child

    @property
    def running(self) -> bool:
        """Whether the service's process is running."""
        return self._child is not None and self._child.running

    def launch(self, **changed: object) -> None:
        """Start the service without waiting. *changed* settings have ``__`` in place of dots."""
        settings = {**self._settings, **{k.replace("__", "."): v for k, v in changed.items()}}
        self._child = ChildProcess(
            [console_script(self._script, self.scripts)],
            log=self.log,
            env={**environment(settings), **self.variables},
            cwd=self._folder,
        )

    def start(self, **changed: object) -> None:
        """Start the service; return when ``/health/ready`` answers 200.

        Raises:
            ChildFailed: see ``await_ready``.
        """
        self.launch(**changed)
        self.await_ready()

    def await_ready(self, timeout_sec: float = READY_SEC) -> None:
        """Wait until ``/health/ready`` answers 200.

        Raises:
            ChildFailed: the service ended or did not become ready; the message has the end of its
                log.
        """

        def ready() -> bool:
            if not self.child.running:
                raise self.child.failure(f"ended with {self.child.returncode}")
            return answers_ok(self.port, "/health/ready")

        try:
            wait_until(ready, timeout_sec=timeout_sec, what=self.name)
        except NotInTime:
            raise self.child.failure(f"is not ready after {timeout_sec:g} s") from None

    def kill(self) -> None:
        """End the service with SIGKILL, so that it cannot finish any work."""
        self.child.kill()

    def stop(self, timeout_sec: float = STOP_SEC) -> bool:
        """End the service as ``ChildProcess.stop`` does; return whether SIGTERM was enough."""
        return self._child is None or self._child.stop(timeout_sec)


def run_to_end(
    script: str,
    settings: Settings,
    folder: Path,
    *,
    timeout_sec: float,
    scripts: Path | None = None,
) -> None:
    """Run a console script until it ends, e.g. ``secretary-init``; *scripts*: ``console_script``.

    Raises:
        ChildFailed: the script failed, or did not end within *timeout_sec*.
    """
    child = ChildProcess(
        [console_script(script, scripts)],
        log=folder / f"{script}.log",
        env=environment(settings),
        cwd=folder,
    )
    try:
        status = child.wait(timeout_sec)
    except ChildFailed:
        child.stop()
        raise
    if status != 0:
        raise child.failure(f"ended with {status}")
