"""MongoDB and RabbitMQ in containers, if a container engine runs and has or can pull the images.

A machine may have a ``docker`` command without an engine, or an engine that reaches no registry. So
a check for an engine or a registry ends within seconds.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Iterator
from typing import cast

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.servers.node_client import client_of, hello, initiate, is_primary
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.rabbitmq.handshake import server_properties

MONGO_IMAGE = "mongo:8"
RABBITMQ_IMAGE = "rabbitmq:4-management"
ENGINE_SEC = 3
REGISTRY_SEC = 5
PULL_SEC = 300
READY_SEC = 60.0
AMQP_PORT = 5672

# The errors of a missing, broken or slow engine. Errors of ``requests`` are OSErrors.
UNAVAILABLE = (DockerException, NotInTime, OSError)


def can_run(image: str) -> bool:
    """Return whether an engine runs and has *image*; pull the image if it is missing."""
    # If no engine answers, docker-py leaves its socket to the garbage collector. The socket is
    # collected here, because in a later test the ResourceWarning would be an error.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        available = _is_available(image)
        gc.collect()
    return available


def _is_available(image: str) -> bool:
    try:
        with _engine(ENGINE_SEC) as engine:
            engine.ping()
        return _has(image) or _pull(image)
    except UNAVAILABLE:
        return False


@contextlib.contextmanager
def mongo() -> Iterator[str]:
    """Run a one-node replica set in a container; yield its URL.

    Raises:
        NotInTime: no primary was elected in time.
        docker.errors.DockerException: the engine did not run the container.
    """
    # The node must reach itself at the address that clients use, so the port inside is the same.
    port = free_port()
    command = f"--replSet rs0 --port {port} --wiredTigerCacheSizeGB 0.25"
    with _running(MONGO_IMAGE, inside=port, outside=port, command=command):
        with client_of(HOST, port) as client:
            wait_until(lambda: hello(client), timeout_sec=READY_SEC, what=MONGO_IMAGE)
            initiate(client, {"_id": "rs0", "members": [{"_id": 0, "host": f"{HOST}:{port}"}]})
            wait_until(lambda: is_primary(client), timeout_sec=READY_SEC, what=MONGO_IMAGE)
        yield f"mongodb://{HOST}:{port}/?replicaSet=rs0"


@contextlib.contextmanager
def rabbitmq() -> Iterator[str]:
    """Run a broker in a container; yield its AMQP URL.

    Raises:
        NotInTime: the broker did not answer in time.
        docker.errors.DockerException: the engine did not run the container.
    """
    port = free_port()
    url = f"amqp://guest:guest@{HOST}:{port}/"
    with _running(RABBITMQ_IMAGE, inside=AMQP_PORT, outside=port):
        wait_until(
            lambda: server_properties(url) is not None, timeout_sec=READY_SEC, what=RABBITMQ_IMAGE
        )
        yield url


@contextlib.contextmanager
def _running(image: str, *, inside: int, outside: int, command: str = "") -> Iterator[None]:
    # Ryuk removes containers that a killed process leaves behind. Ryuk needs an image of its own.
    testcontainers_config.ryuk_disabled = not can_run(testcontainers_config.ryuk_image)
    container = DockerContainer(image, command=command or None)
    # with_bind_ports takes no address, so it would publish the port on all addresses.
    cast("dict[str, object]", container.ports)[f"{inside}/tcp"] = (HOST, outside)
    with container:
        yield


@contextlib.contextmanager
def _engine(timeout_sec: int) -> Iterator[docker.DockerClient]:
    client: docker.DockerClient = docker.from_env(timeout=timeout_sec)
    try:
        yield client
    finally:
        client.close()


def _has(image: str) -> bool:
    with _engine(ENGINE_SEC) as engine:
        try:
            engine.images.get(image)
        except ImageNotFound:
            return False
        return True


def _pull(image: str) -> bool:
    with _engine(REGISTRY_SEC) as engine:
        engine.images.get_registry_data(image)  # raises if no registry can be reached
    with _engine(PULL_SEC) as engine:
        engine.images.pull(image)
    return True
