"""A private RabbitMQ node of the current user, with its own port mapper.

The wrapper scripts of Debian and Fedora require a user and folders of their own. So this module
calls the server's script and sets all names, folders, ports and the cookie. It does not affect
another broker that may run on this machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aio_pika
from aiormq.exceptions import AMQPError

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ChildFailed, NotInTime, ServerMissing
from secretary_devstack.servers.port import HOST, free_port, is_free
from secretary_devstack.startable import Startable

# The server's script in the packages of Debian and Fedora. Their commands on the PATH are wrapper
# scripts.
PACKAGED_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
READY_SEC = 90.0
ANSWER_SEC = 5.0
ASK_SEC = 0.2
CONTROL_SEC = 60
# Version 4.0 and later drop a message that was requeued 20 times, unless a policy forbids it.
FIRST_WITH_DELIVERY_LIMIT = 4
_MAJOR_VERSION = re.compile(r"rabbitmq(?:_server-|/)(\d+)")


def rabbitmq_script() -> Path | None:
    """Return the path of the server's script, from a package or else from the PATH."""
    if PACKAGED_SCRIPT.exists():
        return PACKAGED_SCRIPT
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


def rabbitmq_installed() -> bool:
    """Return whether the server and its port mapper are installed."""
    return rabbitmq_script() is not None and shutil.which("epmd") is not None


def server_properties(url: str, timeout_sec: float = ANSWER_SEC) -> dict[str, object] | None:
    """Return the properties of the broker at *url*; None if the AMQP handshake fails."""

    async def shake_hands() -> dict[str, object]:
        connection = await aio_pika.connect(url, timeout=timeout_sec)
        async with connection:
            transport = connection.transport
            return dict(transport.connection.server_properties) if transport else {}

    # In another thread, because the caller may be inside an event loop.
    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            return executor.submit(asyncio.run, shake_hands()).result()
        except (AMQPError, OSError, TimeoutError):
            return None


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
        script = self._script()
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
            [self._script().with_name("rabbitmqctl"), "-q", *arguments],
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

    @staticmethod
    def _script() -> Path:
        script = rabbitmq_script()
        if script is None or not rabbitmq_installed():
            raise ServerMissing("no rabbitmq-server and epmd, neither packaged nor on the PATH")
        return script

    def _configure(self) -> None:
        for name in ("conf.d", "data", "log"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        major = major_of(self._script())
        for name, text in _files(self.port, self._folder, major).items():
            (self._folder / name).write_text(text)
        with (self._folder / "rabbitmq.conf").open("a") as file:
            file.writelines(f"{line}\n" for line in self._configuration)
        (self._folder / "advanced.config").write_text(f"{self._advanced}.\n")

    def _environment(self) -> dict[str, str]:
        foreign = ("RABBITMQ_", "ERL_")
        own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return own | _variables(
            self._folder,
            self.node,
            mapper=self._mapper.port,
            home=self._mapper.home,
            distribution=self._distribution_port,
            quick_start=self._quick_start,
        )


def major_of(script: Path) -> int:
    """Return the major version of RabbitMQ, from the name of the folder of *script*."""
    found = _MAJOR_VERSION.search(str(script.resolve()))
    return int(found[1]) if found else FIRST_WITH_DELIVERY_LIMIT


def _files(port: int, folder: Path, major: int) -> dict[str, str]:
    lines = [
        f"listeners.tcp.1 = {HOST}:{port}",
        "raft.wal_max_size_bytes = 64000000",  # this log is also in memory; the default is 512 MB
        "disk_free_limit.absolute = 64MB",
        "log.file.level = warning",
        f"load_definitions = {folder / 'definitions.json'}",
    ]
    return {
        "rabbitmq.conf": "\n".join(lines) + "\n",
        "rabbitmq-env.conf": "",
        "enabled_plugins": "[].\n",
        "definitions.json": json.dumps(_definitions(major)),
    }


def _definitions(major: int) -> dict[str, object]:
    """Return the definitions of a new node: one user, one virtual host, no redelivery limit."""
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    unlimited = {
        "vhost": "/",
        "name": "secretary-give-back",
        "pattern": "^secretary\\.",
        "apply-to": "queues",
        "definition": {"delivery-limit": -1},
    }
    return {
        "users": [{"name": "guest", "password": "guest", "tags": "administrator"}],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "guest", "vhost": "/"} | everything],
        # Before 4.0 there is no limit, and -1 is not a valid value.
        "policies": [unlimited] if major >= FIRST_WITH_DELIVERY_LIMIT else [],
    }


def _variables(
    folder: Path, node: str, *, mapper: int, home: Path, distribution: int, quick_start: bool
) -> dict[str, str]:
    return {
        "HOME": str(home),  # the Erlang cookie
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_ALLOW_INPUT": "true",
        # "none" is RabbitMQ's default. The schedulers then sleep and wake 200,000 times during the
        # start, which took 12 s instead of 5 s on two virtual cores.
        "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "medium" if quick_start else "none",
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(mapper),
        # For every Erlang VM that the server starts, including short-lived ones.
        "ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
    }
