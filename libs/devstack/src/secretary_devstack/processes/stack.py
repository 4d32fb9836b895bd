"""A whole system: servers, and the services that are connected to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service, Settings, run_to_end
from secretary_devstack.processes.system_keys import SystemKeys
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.startable import Startable

INIT_SEC = 60.0


class Servers(Startable):
    """MongoDB and, unless *broker* is false, RabbitMQ, as local processes."""

    def __init__(
        self, folder: Path, *, broker: bool = True, nodes: int = 1, quick_start: bool = True
    ) -> None:
        """*quick_start* is RabbitMQ's (``RabbitMQ``)."""
        self.mongo = ReplicaSet(folder / "mongo", size=nodes)
        self.broker = RabbitMQ(folder / "rabbitmq", quick_start=quick_start) if broker else None

    @property
    def amqp_url(self) -> str:
        """The broker's URL; empty without a broker, so that services poll."""
        return self.broker.url if self.broker else ""

    def start(self) -> None:
        """Start MongoDB and the broker in parallel; return when all servers are ready.

        Raises:
            ServerMissing: a server's program is not installed.
            ChildFailed: a server ended or did not become ready.
        """
        parts = [part for part in (self.mongo, self.broker) if part]
        with ThreadPoolExecutor(max_workers=len(parts)) as executor:
            for started in [executor.submit(part.start) for part in parts]:
                started.result()

    def stop(self) -> None:
        """Stop the broker and MongoDB cleanly."""
        if self.broker:
            self.broker.stop()
        self.mongo.stop()

    def versions(self) -> str:
        """Return the servers' names and versions for people, as the servers report them."""
        broker = f"RabbitMQ {self.broker.version()}" if self.broker else "no broker (polling only)"
        return f"MongoDB {self.mongo.version()}, {broker}"


def _local_settings(keys: SystemKeys) -> dict[str, object]:
    """Return the settings in which a local system differs from the defaults."""
    return {
        "api.bootstrap_key": keys.bootstrap,
        "api.pepper": keys.pepper,
        "worker.drain_sec": 5,
        "notifier.signing_secrets": [keys.signing],
        "security.encryption_keys": [keys.encryption],
        "security.allow_networks": ["127.0.0.0/8"],
    }


class Stack(Startable):
    """The services of one system, connected to given servers."""

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
            folder: keeps the logs.
            mongo_url: MongoDB's URL.
            amqp_url: the broker's URL; empty for services that poll.
            database: the name of the database.
            apis: the number of API processes.
            notifiers: the number of notifiers.
            workers: the number of workers.
            roots: the folders whose files jobs may name.
            api_port: the port of the first API; if this port is taken, another port is used.
            settings: override the settings that this class makes.
            own_settings: returns more settings for the service of a name; they override *settings*.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.keys = SystemKeys.make().replaced_by(settings or {})
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
            **_local_settings(self.keys),
            **(settings or {}),
        }
        self._own_settings = own_settings
        self._scripts: Path | None = None
        self.apis: list[Service] = []
        self.notifiers: list[Service] = []
        self.workers: list[Service] = []
        self._add_services(port, apis=apis, notifiers=notifiers, workers=workers)

    @property
    def api(self) -> Service:
        """The first API, which listens at ``url``."""
        return self.apis[0]

    @property
    def services(self) -> list[Service]:
        """All services: APIs, notifiers, workers."""
        return [*self.apis, *self.notifiers, *self.workers]

    def add_worker(self, settings: Settings | None = None) -> Service:
        """Add a worker with *settings* of its own and return the worker. It is not started."""
        return self._add(
            self.workers, "secretary-worker", "worker.http_port", free_port(), settings
        )

    def _add_services(self, port: int, *, apis: int, notifiers: int, workers: int) -> None:
        self._add_api(port)
        for _ in range(1, apis):
            self._add_api(free_port())
        for _ in range(notifiers):
            self._add(self.notifiers, "secretary-notifier", "notifier.http_port", free_port())
        for _ in range(workers):
            self.add_worker()

    def _add_api(self, port: int) -> None:
        self._add(self.apis, "secretary-api", "api.port", port)

    def _add(
        self,
        group: list[Service],
        script: str,
        port_setting: str,
        port: int,
        settings: Settings | None = None,
    ) -> Service:
        name = f"{script}-{len(group) + 1}"
        own = self._own_settings(name) if self._own_settings else {}
        service = Service(
            script,
            {**self.settings, port_setting: port, **own, **(settings or {})},
            self.folder,
            port=port,
            name=name,
        )
        group.append(service)
        return service

    def client(self) -> JobClient:
        """Return a client with the admin key. The caller closes the client."""
        return JobClient(self.url, self.keys.bootstrap)

    def use_scripts(self, scripts: Path | None) -> None:
        """Start all services from the console scripts in *scripts*; None: of this environment."""
        self._scripts = scripts
        for service in self.services:
            service.scripts = scripts

    def initialise(self, scripts: Path | None = None) -> None:
        """Run ``secretary-init``, by default that of the services.

        Raises:
            ChildFailed: ``secretary-init`` failed.
        """
        chosen = scripts or self._scripts
        run_to_end(
            "secretary-init", self.settings, self.folder, timeout_sec=INIT_SEC, scripts=chosen
        )

    def start(self) -> None:
        """Initialise, start all services that do not run, and return when all are ready.

        Raises:
            ChildFailed: a service ended or did not become ready.
        """
        self.initialise()
        for service in self.services:
            if not service.running:
                service.launch()
        for service in self.services:
            service.await_ready()

    def stop(self) -> None:
        """Stop all services in parallel."""
        with ThreadPoolExecutor(max_workers=len(self.services)) as executor:
            list(executor.map(Service.stop, self.services))
