"""Chooses the source of MongoDB and RabbitMQ: a given URL, a container or a local program.

The demo and the tests choose in this order. A ``mongod`` on the PATH comes before the ``mongod`` in
the wheel, because the wheel's version is past its support.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from secretary_devstack.error import ServerMissing
from secretary_devstack.servers.mongod import ReplicaSet, mongod_is_wheel
from secretary_devstack.servers.node_client import client_of_url
from secretary_devstack.servers.provision import PROGRAMS, Program, advice, provide
from secretary_devstack.servers.rabbitmq.handshake import server_properties
from secretary_devstack.servers.rabbitmq.node import RabbitMQ

WHEEL_NOTE = "MongoDB comes from a wheel that is past its support: use it for development only"


class Source(StrEnum):
    """The source of a server."""

    GIVEN = "given"
    """The environment names the URL of the server."""
    CONTAINER = "container"
    LOCAL = "local"
    """A program on this machine."""


@dataclass(frozen=True, slots=True)
class ServerKind:
    """A kind of server."""

    name: str
    variable: str
    """The environment variable with the URL of a given server."""
    program: Program
    image: str
    """The constant in the module ``container`` with the name of the image."""
    container: str
    """The function in the module ``container`` that runs the image."""
    local: Callable[[Path], AbstractContextManager[Any]]
    """Runs the local program. The context's value has the server's ``url``."""
    version: Callable[[str], str]
    """Returns the version of the server at a URL."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server to connect to."""

    kind: ServerKind
    url: str
    source: Source

    def __str__(self) -> str:
        origin = {
            Source.GIVEN: f" ({self.kind.variable})",
            Source.CONTAINER: " (container)",
            Source.LOCAL: "",
        }
        return f"{self.kind.name} {self.kind.version(self.url)}{origin[self.source]}"


def choose(
    kind: ServerKind,
    environ: Mapping[str, str],
    *,
    can_run_container: Callable[[ServerKind], bool],
    can_run_local: Callable[[Program], bool],
) -> Source:
    """Return the source for a server of *kind*.

    Args:
        kind: the kind of server.
        environ: the environment. A URL in it is the first choice.
        can_run_container: returns whether an engine answers and has or can pull the image.
        can_run_local: returns whether the program is installed, or was installed now.

    Raises:
        ServerMissing: there is no source; the message names the software to install.
    """
    if environ.get(kind.variable):
        return Source.GIVEN
    if can_run_container(kind):
        return Source.CONTAINER
    if can_run_local(kind.program):
        return Source.LOCAL
    raise ServerMissing(
        f"{kind.name} cannot run here: {advice(kind.program, sys.platform)}, or start Docker, or "
        f"set {kind.variable} to the URL of a server"
    )


@contextlib.contextmanager
def running(kind: ServerKind, folder: Path) -> Iterator[RunningServer]:
    """Run a server of *kind*, or yield the given server. *folder* keeps the data of a local server.

    Raises:
        ServerMissing: there is no source; the message names the software to install.
        ChildFailed: the local program ended or did not become ready.
        NotInTime: the server did not become ready.
    """
    source = choose(kind, os.environ, can_run_container=container_can_run, can_run_local=provide)
    if source is Source.GIVEN:
        yield RunningServer(kind, os.environ[kind.variable], source)
    elif source is Source.CONTAINER:
        run: Callable[[], AbstractContextManager[str]] = getattr(_containers(), kind.container)
        with run() as url:
            yield RunningServer(kind, url, source)
    else:
        if kind is MONGO and mongod_is_wheel():
            sys.stderr.write(f"{WHEEL_NOTE}\n")
        with kind.local(folder) as server:
            yield RunningServer(kind, server.url, source)


def container_can_run(kind: ServerKind) -> bool:
    """Return whether a container engine answers and has or can pull the image of *kind*."""
    try:
        containers = _containers()
    except ImportError:  # the libraries for containers are optional
        return False
    can_run: bool = containers.can_run(getattr(containers, kind.image))
    return can_run


def _containers() -> Any:
    # Imported only here, because its libraries are optional and take a second to import.
    return import_module("secretary_devstack.servers.container")


def _mongo_version(url: str) -> str:
    with client_of_url(url) as client:
        return str(client.server_info()["version"])


def _rabbitmq_version(url: str) -> str:
    return str((server_properties(url) or {}).get("version", ""))


MONGO = ServerKind(
    "MongoDB",
    "SECRETARY_TEST_MONGO_URL",
    PROGRAMS["mongod"],
    "MONGO_IMAGE",
    "mongo",
    ReplicaSet,
    _mongo_version,
)
RABBITMQ = ServerKind(
    "RabbitMQ",
    "SECRETARY_TEST_AMQP_URL",
    PROGRAMS["rabbitmq"],
    "RABBITMQ_IMAGE",
    "rabbitmq",
    RabbitMQ,
    _rabbitmq_version,
)
