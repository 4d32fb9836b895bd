"""A cluster of local RabbitMQ nodes."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.servers.rabbitmq.port_mapper import PortMapper
from secretary_devstack.startable import Startable

OWNER_ONLY = 0o400


class RabbitMQCluster(Startable):
    """A cluster of nodes with one Erlang cookie. A node can be killed and started again alone."""

    def __init__(self, folder: Path, *, size: int = 3) -> None:
        """*folder* keeps the files of all nodes; the cluster has *size* nodes."""
        self._mapper = PortMapper(folder)
        self.nodes = [
            RabbitMQ(folder / f"node{number}", mapper=self._mapper) for number in range(size)
        ]
        self._is_formed = False

    @property
    def url(self) -> str:
        """The URLs of all nodes, as ``broker.url`` has them."""
        return ",".join(node.url for node in self.nodes)

    def start(self) -> None:
        """Start the nodes that do not run, and form the cluster at the first start.

        Raises:
            ServerMissing: RabbitMQ is not installed.
            ChildFailed: a node ended, did not answer in time, or did not join.
        """
        self._mapper.start()
        self._write_cookie()
        with ThreadPoolExecutor(max_workers=len(self.nodes)) as executor:
            list(executor.map(RabbitMQ.start, self.nodes))
        if not self._is_formed:
            for node in self.nodes[1:]:
                node.join(self.nodes[0])
            self._is_formed = True

    def stop(self) -> None:
        """Stop all nodes cleanly; ``start`` starts them again with their data."""
        with ThreadPoolExecutor(max_workers=len(self.nodes)) as executor:
            list(executor.map(RabbitMQ.stop, self.nodes))
        self._mapper.stop()

    def version(self) -> str:
        """Return the version that the first node reports."""
        return self.nodes[0].version()

    def _write_cookie(self) -> None:
        cookie = self._mapper.home / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(OWNER_ONLY)
