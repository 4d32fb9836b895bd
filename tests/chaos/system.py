"""The system under test: servers and services as processes, with a proxy before each server."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from chaos import execution_log
from chaos.ledger.evidence import ENDPOINT_PATH
from chaos.plan import BYSTANDER, ENDPOINT_KEYS, HOSTILE, KEYS
from chaos.small_disk import small_disk
from support.scenario_report import expect

from secretary_devstack.processes.service import Service, Settings
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.port import HOST
from secretary_devstack.servers.proxy import ConnectionFilter, Network, TcpProxy
from secretary_devstack.servers.rabbitmq.cluster import RabbitMQCluster
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.servers.receiver import Receiver
from secretary_devstack.servers.socket_table import connections_of

TESTS = Path(__file__).resolve().parents[1]
DATABASE = "chaos"
APIS, NOTIFIERS, WORKERS, SLOTS = 2, 2, 3, 8
LEASE_SEC, HEARTBEAT_SEC, POLL_SEC = 6.0, 1.5, 1.5
DRAIN_SEC = 3.0
LIMITS_KNOWN_SEC = 6.0
"""Workers keep the limit of a new key after at most 5 s (docs/keys.md)."""
LIMITS = {"max_running": WORKERS * SLOTS // 3, "max_pending": 1000}
"""The limits of the hostile key, as docs/keys.md recommends."""
# With 2 s three nodes fail over sooner, but hold needless elections on a busy machine.
ELECTION_TIMEOUT_MS = 4000
SETTINGS: Settings = {
    "generic_worker.max_concurrent": SLOTS,
    "generic_worker.poll_interval_sec": POLL_SEC,
    "worker.lease_sec": LEASE_SEC,
    "worker.heartbeat_sec": HEARTBEAT_SEC,
    "worker.drain_sec": DRAIN_SEC,
    "worker.handler_modules": ["chaos.handlers"],
    # A killed notifier's deliveries wait for its lease: timeout + 10 s.
    "notifier.timeout_sec": 3,
    "notifier.poll_interval_sec": POLL_SEC,
    "notifier.per_origin": 8,
    "notifier.retry_schedule_sec": [0, 1, 1, 2, 3, *[5] * 15],
    "log.format": "json",
}


@dataclass(frozen=True, slots=True)
class System:
    """Everything that runs in one experiment."""

    folder: Path
    network: Network
    mongo: ReplicaSet
    mongo_proxies: list[TcpProxy]
    brokers: list[RabbitMQ]
    """The nodes of the broker."""
    broker_proxies: dict[str, list[TcpProxy]]
    """The proxies in front of the broker's nodes, by the name of the service that uses them."""
    receiver: Receiver
    stack: Stack
    keys: list[str]
    """The API keys of the clients."""
    small_disk: Path
    """The temporary folder of the first worker."""
    other_version: Path | None = None
    """The folder of the console scripts of another version."""

    @property
    def execution_log(self) -> Path:
        """The file to which the handlers write their executions."""
        return self.folder / "executions.jsonl"

    @property
    def broker(self) -> RabbitMQ:
        """The only node of the broker, or the first one."""
        return self.brokers[0]

    @property
    def urls(self) -> list[str]:
        """The URLs of the APIs."""
        return [f"http://{HOST}:{api.port}" for api in self.stack.apis]


@contextlib.contextmanager
def running(
    folder: Path, *, brokers: int = 1, other_version: Path | None = None
) -> Iterator[System]:
    """Run everything, with files and logs in *folder*; stop it at the end.

    The broker has *brokers* nodes, which form a cluster. *other_version*: the folder of the console
    scripts of another version, which all services have at the start.

    Raises:
        ChildFailed, NotInTime, ServerMissing: a server or service did not start.
        PromiseBroken: a service has connections that bypass the proxies.
    """
    os.environ["PYTHONPATH"] = str(TESTS)  # for the workers, which import the handlers
    os.environ[execution_log.VARIABLE] = str(folder / "executions.jsonl")
    with ExitStack() as on:
        network = on.enter_context(Network())
        receiver = on.enter_context(Receiver())
        mongo_proxies: list[TcpProxy] = []
        mongo = ReplicaSet(
            folder / "mongo",
            size=3,
            election_timeout_ms=ELECTION_TIMEOUT_MS,
            advertised_port=lambda port: _added(mongo_proxies, network.proxy(port)).port,
            parameters={"enableTestCommands": "1"},  # for failCommand
        )
        broker = RabbitMQCluster(folder / "rabbitmq", size=brokers)
        on.callback(broker.stop)
        on.callback(mongo.stop)
        with ThreadPoolExecutor() as executor:
            for started in [executor.submit(part.start) for part in (mongo, broker)]:
                started.result()
        broker_proxies: dict[str, list[TcpProxy]] = {}

        def own_settings(name: str) -> Settings:
            proxies = broker_proxies[name] = [network.proxy(node.port) for node in broker.nodes]
            urls = (f"amqp://guest:guest@{HOST}:{proxy.port}/" for proxy in proxies)
            return {"broker.url": ",".join(urls)}

        stack = Stack(
            folder / "services",
            mongo_url=mongo.url,
            amqp_url=broker.url,
            database=DATABASE,
            apis=APIS,
            notifiers=NOTIFIERS,
            workers=WORKERS,
            settings=SETTINGS,
            own_settings=own_settings,
        )
        stack.use_scripts(other_version)
        disk = on.enter_context(small_disk(folder / "small-disk"))
        stack.workers[0].variables["TMPDIR"] = str(disk)
        on.enter_context(stack)
        for service in stack.services:
            check_proxied(service, mongo_proxies, broker_proxies[service.name])
        keys = [_make_key(stack, number) for number in (*range(KEYS), HOSTILE, BYSTANDER)]
        for key in keys[:ENDPOINT_KEYS]:
            _register_endpoint(stack, key, receiver.url(ENDPOINT_PATH))
        time.sleep(LIMITS_KNOWN_SEC)
        yield System(
            folder,
            network,
            mongo,
            mongo_proxies,
            broker.nodes,
            broker_proxies,
            receiver,
            stack,
            keys,
            disk,
            other_version,
        )


def check_proxied(
    service: Service, mongo_proxies: list[TcpProxy], broker_proxies: list[TcpProxy]
) -> None:
    """Check that all outgoing connections of *service* go through proxies, also those to MongoDB.

    A replica set sends its clients the addresses of its members. If these were the nodes' own
    ports, every client would bypass the proxies.

    Raises:
        PromiseBroken: a connection bypasses them.
    """
    mine = connections_of(service.child.pid)
    outgoing = {one.remote_port for one in mine if one.local_port != service.port}
    through_mongo = {proxy.port for proxy in mongo_proxies}
    expect(outgoing & through_mongo, f"{service.name} has no connection to a MongoDB proxy")
    bypassing = outgoing - through_mongo - {proxy.port for proxy in broker_proxies}
    expect(
        not bypassing,
        f"{service.name} has connections that bypass the proxies: {sorted(bypassing)}",
    )


def links_of(service: Service) -> ConnectionFilter:
    """Return a filter for the connections of *service*'s current process, including later ones."""
    pid = service.child.pid
    known: dict[int, bool] = {one.local_port: True for one in connections_of(pid)}

    def chosen(port: int) -> bool:
        if port not in known:
            known[port] = any(one.local_port == port for one in connections_of(pid))
        return known[port]

    return chosen


def _added(proxies: list[TcpProxy], proxy: TcpProxy) -> TcpProxy:
    proxies.append(proxy)
    return proxy


def _make_key(stack: Stack, number: int) -> str:
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    limits = LIMITS if number == HOSTILE else {}
    body = {"name": f"chaos-{number}", "scopes": [], "limits": limits}
    answer = httpx.post(f"{stack.url}/api/keys", json=body, headers=headers)
    key: str = answer.raise_for_status().json()["data"]["key"]
    return key


def _register_endpoint(stack: Stack, key: str, url: str) -> None:
    body = {"url": url, "events": ["processing", "completed", "failed", "cancelled"]}
    headers = {"Authorization": f"Bearer {key}"}
    httpx.post(f"{stack.url}/api/endpoints", json=body, headers=headers).raise_for_status()
