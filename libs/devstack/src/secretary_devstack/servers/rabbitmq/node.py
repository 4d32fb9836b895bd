"""A private RabbitMQ node."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ChildFailed, NotInTime
from secretary_devstack.servers.port import HOST, free_port, is_free
from secretary_devstack.servers.rabbitmq.configuration import files_of, variables_of
from secretary_devstack.servers.rabbitmq.handshake import server_properties
from secretary_devstack.servers.rabbitmq.port_mapper import PortMapper
from secretary_devstack.servers.rabbitmq.program import major_of, required_script
from secretary_devstack.startable import Startable

READY_SEC = 90.0
ASK_SEC = 0.2
CONTROL_SEC = 60


class RabbitMQ(Startable):
    """One broker node. It keeps its port and its data when it is restarted."""

    def __init__(
        self,
        folder: Path,
        *,
        advanced: str = "[]",
        configuration: Sequence[str] = (),
        mapper: PortMapper | None = None,
        quick_start: bool = True,
    ) -> None:
        """Prepare to start.

        Args:
            folder: keeps configuration, data and logs.
            advanced: an Erlang list of settings.
            configuration: more lines of ``rabbitmq.conf``.
            mapper: the port mapper of a cluster; None: the node has one of its own.
            quick_start: Erlang's schedulers wait for work in a busy loop. A node starts sooner, and
                takes CPU from other processes whenever it has just worked.
        """
        self.port = free_port()
        self.node = f"secretary-{secrets.token_hex(4)}@localhost"
        """The name of the node in a cluster."""
        self._distribution_port = free_port()
        self._folder = folder
        self._advanced = advanced
        self._quick_start = quick_start
        self._configuration = configuration
        self._mapper = mapper or PortMapper(folder)
        self._shares_mapper = mapper is not None
        self._server: ChildProcess | None = None

    @property
    def url(self) -> str:
        """The AMQP URL, including credentials."""
        return f"amqp://guest:guest@{HOST}:{self.port}/"

    @property
    def running(self) -> bool:
        """Whether the node's process is running."""
        return self._server is not None and self._server.running

    @property
    def pid(self) -> int:
        """The process id of the node.

        Raises:
            RuntimeError: the node was never started.
        """
        if self._server is None:
            raise RuntimeError("RabbitMQ was not started")
        return self._server.pid

    def start(self) -> None:
        """Start the node if it does not run. Return when it has answered an AMQP handshake.

        Raises:
            ServerMissing: RabbitMQ is not installed.
            ChildFailed: the node ended, or did not answer in time.
        """
        script = required_script()
        if self.running:
            return
        self._configure()
        log = self._folder / "server.log"
        if not self._shares_mapper:
            self._mapper.start()
        # ALLOW_INPUT makes the script become the server, so that its pid is the server's.
        self._server = ChildProcess([script, "-noinput"], log=log, env=self._environment())
        self._await_handshake(self._server)

    def stop(self) -> None:
        """Stop the node cleanly. ``start`` starts it again with its data."""
        if self._server:
            self._server.stop()
        if not self._shares_mapper:
            self._mapper.stop()

    def kill(self) -> None:
        """End the node with SIGKILL."""
        if self._server:
            self._server.kill()
        if not self._shares_mapper:
            self._mapper.stop()

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` with *arguments*, e.g. ``stop_app``; return its output.

        Raises:
            ChildFailed: the command failed.
        """
        result = subprocess.run(  # noqa: S603 - the server's own script, no shell
            [required_script().with_name("rabbitmqctl"), "-q", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=CONTROL_SEC,
            check=False,
        )
        if result.returncode != 0:
            raise ChildFailed(f"rabbitmqctl {' '.join(arguments)}: {result.stderr[-500:]}")
        return result.stdout

    def join(self, other: RabbitMQ) -> None:
        """Make this running node a member of the cluster of *other*. It loses its own data.

        Raises:
            ChildFailed: it could not join.
        """
        self.control("stop_app")
        self.control("reset")
        self.control("join_cluster", other.node)
        self.control("start_app")

    def version(self) -> str:
        """Return the version that the server reports, e.g. ``3.10.8``; "" without an answer."""
        return str((server_properties(self.url) or {}).get("version", ""))

    def _await_handshake(self, server: ChildProcess) -> None:
        def answers() -> bool:
            if not server.running:
                raise server.failure(f"ended with {server.returncode}")
            # A handshake is expensive, so it is tried only when a server listens on the port.
            return not is_free(self.port) and server_properties(self.url) is not None

        try:
            wait_until(answers, timeout_sec=READY_SEC, what="RabbitMQ", every_sec=ASK_SEC)
        except NotInTime:
            raise server.failure("does not answer") from None

    def _configure(self) -> None:
        for name in ("conf.d", "data", "log"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        major = major_of(required_script())
        for name, text in files_of(self.port, self._folder, major).items():
            (self._folder / name).write_text(text)
        with (self._folder / "rabbitmq.conf").open("a") as file:
            file.writelines(f"{line}\n" for line in self._configuration)
        (self._folder / "advanced.config").write_text(f"{self._advanced}.\n")

    def _environment(self) -> dict[str, str]:
        foreign = ("RABBITMQ_", "ERL_")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return own | variables_of(
            self._folder,
            self.node,
            mapper=self._mapper.port,
            home=self._mapper.home,
            distribution=self._distribution_port,
            quick_start=self._quick_start,
        )
