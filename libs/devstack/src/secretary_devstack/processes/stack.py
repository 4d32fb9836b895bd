"""A whole system: servers, ``secretary-init``, api, workers and notifier, with keys made for it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet

from secretary_devstack.processes.client import JobClient
from secretary_devstack.processes.service import Service, Settings, run_to_end
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.rabbitmq import RabbitMQ
from secretary_devstack.startable import Startable

INIT_SEC = 60.0
SIGNING_SECRET_BYTES = 32


@dataclass(frozen=True)
class Keys:
    """Everything secret a system needs."""

    bootstrap: str
    """The admin API key."""
    pepper: str
    encryption: str
    signing: str
    """The webhooks' ``whsec_…`` secret."""

    @classmethod
    def make(cls) -> Self:
        """Fresh ones."""
        signing = base64.b64encode(secrets.token_bytes(SIGNING_SECRET_BYTES)).decode()
        return cls(
            bootstrap=f"sk_{secrets.token_urlsafe(24)}",
            pepper=secrets.token_hex(32),
            encryption=Fernet.generate_key().decode(),
            signing=f"whsec_{signing}",
        )


class Servers(Startable):
    """MongoDB and, unless *broker* is false, RabbitMQ, both local."""

    def __init__(self, folder: Path, *, broker: bool = True, nodes: int = 1) -> None:
        self.mongo = ReplicaSet(folder / "mongo", size=nodes)
        self.broker = RabbitMQ(folder / "rabbitmq") if broker else None

    @property
    def amqp_url(self) -> str:
        """The broker's URL; empty without one: polling only."""
        return self.broker.url if self.broker else ""

    def start(self) -> None:
        """Start both at once; return when both are ready.

        Raises:
            ServerMissing: a server's program is not installed.
            ChildFailed: one ended, or did not get ready.
        """
        parts = [part for part in (self.mongo, self.broker) if part]
        with ThreadPoolExecutor(max_workers=len(parts)) as executor:
            for started in [executor.submit(part.start) for part in parts]:
                started.result()

    def stop(self) -> None:
        """Shut both down cleanly."""
        if self.broker:
            self.broker.stop()
        self.mongo.stop()

    def versions(self) -> str:
        """What ran, in words: the versions the servers themselves tell."""
        broker = f"RabbitMQ {self.broker.version()}" if self.broker else "no broker (polling only)"
        return f"MongoDB {self.mongo.version()}, {broker}"


def _own_to_this_machine(keys: Keys) -> dict[str, object]:
    """What a system that is tried out here has otherwise than the defaults."""
    return {
        "api.bootstrap_key": keys.bootstrap,
        "api.pepper": keys.pepper,
        "worker.drain_sec": 5,
        "notifier.signing_secrets": [keys.signing],
        "security.encryption_keys": [keys.encryption],
        "security.allow_networks": ["127.0.0.0/8"],
    }


class Stack(Startable):
    """The services against given servers."""

    def __init__(
        self,
        folder: Path,
        *,
        mongo_url: str,
        amqp_url: str = "",
        database: str = "secretary",
        apis: int = 1,
        notifiers: int = 1,
        workers: int = 1,
        roots: Iterable[Path] = (),
        api_port: int | None = None,
        settings: Settings | None = None,
        own_settings: Callable[[str], Settings] | None = None,
    ) -> None:
        """Prepare to start.

        Args:
            folder: keeps logs.
            mongo_url: MongoDB's.
            amqp_url: the broker's; empty: polling only.
            database: the database's name.
            apis: how many of this service, likewise *notifiers* and *workers*.
            notifiers: see *apis*.
            workers: see *apis*.
            roots: folders whose files jobs may name.
            api_port: the first API's, if it is free.
            settings: they win over ours.
            own_settings: those of one service alone, by its name; they win over all others.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.keys = Keys.make()
        self.folder = folder
        port = free_port(api_port)
        self.url = f"http://{HOST}:{port}"
        self.settings: dict[str, object] = {
            "mongo.url": mongo_url,
            "mongo.database": database,
            "broker.url": amqp_url,
            "api.port": port,
            "api.public_url": self.url,
            "files.roots": [str(root.resolve()) for root in roots],
            **_own_to_this_machine(self.keys),
            **(settings or {}),
        }
        self._own_settings = own_settings
        self.apis: list[Service] = []
        self.notifiers: list[Service] = []
        self.workers: list[Service] = []
        self._add_api(port)
        for _ in range(1, apis):
            self._add_api(free_port())
        for _ in range(notifiers):
            self._add(self.notifiers, "secretary-notifier", "notifier.http_port", free_port())
        for _ in range(workers):
            self.add_worker()

    @property
    def api(self) -> Service:
        """The first API, the one at ``url``."""
        return self.apis[0]

    @property
    def services(self) -> list[Service]:
        """All of them: APIs, notifiers, workers."""
        return [*self.apis, *self.notifiers, *self.workers]

    def add_worker(self, settings: Settings | None = None) -> Service:
        """One more worker, not yet started; *settings* are for it alone."""
        return self._add(
            self.workers, "secretary-worker", "worker.http_port", free_port(), settings
        )

    def _add_api(self, port: int) -> None:
        self._add(self.apis, "secretary-api", "api.port", port)

    def _add(
        self,
        beside: list[Service],
        script: str,
        port_setting: str,
        port: int,
        settings: Settings | None = None,
    ) -> Service:
        name = f"{script}-{len(beside) + 1}"
        own = self._own_settings(name) if self._own_settings else {}
        service = Service(
            script,
            {**self.settings, port_setting: port, **own, **(settings or {})},
            self.folder,
            port=port,
            name=name,
        )
        beside.append(service)
        return service

    def client(self) -> JobClient:
        """A client with the admin key; close it after use."""
        return JobClient(self.url, self.keys.bootstrap)

    def initialise(self) -> None:
        """Run ``secretary-init``.

        Raises:
            ChildFailed: it failed.
        """
        run_to_end("secretary-init", self.settings, self.folder, timeout_sec=INIT_SEC)

    def start(self) -> None:
        """Initialise, start all services at once and return when all are ready.

        Raises:
            ChildFailed: one ended, or did not get ready.
        """
        self.initialise()
        for service in self.services:
            service.launch()
        for service in self.services:
            service.await_ready()

    def stop(self) -> None:
        """Stop all services, all at once."""
        with ThreadPoolExecutor(max_workers=len(self.services)) as executor:
            list(executor.map(Service.stop, self.services))
