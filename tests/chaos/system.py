"""Everything that runs: servers and services as real processes, with a proxy before each server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from chaos import record
from chaos.plan import KEYS
from chaos.report import expect

from secretary_devstack.processes.service import Service, Settings
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.port import HOST
from secretary_devstack.servers.proxy import ConnectionFilter, Network, Proxy
from secretary_devstack.servers.rabbitmq import RabbitMQ
from secretary_devstack.servers.receiver import Receiver
from secretary_devstack.servers.socket_table import connections_of

TESTS = Path(__file__).resolve().parents[1]
DATABASE = "chaos"
APIS, NOTIFIERS, WORKERS, SLOTS = 2, 2, 3, 8
LEASE_SEC, HEARTBEAT_SEC, POLL_SEC = 6.0, 1.5, 1.5
DRAIN_SEC = 3.0
# With 2 s three nodes fail over sooner, but hold elections nobody asked for on a busy machine.
ELECTION_TIMEOUT_MS = 4000
SETTINGS: Settings = {
    "generic_worker.max_concurrent": SLOTS,
    "generic_worker.poll_interval_sec": POLL_SEC,
    "worker.lease_sec": LEASE_SEC,
    "worker.heartbeat_sec": HEARTBEAT_SEC,
    "worker.drain_sec": DRAIN_SEC,
    "worker.handler_modules": ["chaos.handler"],
    # A killed notifier's deliveries wait for its lease: timeout + 10 s.
    "notifier.timeout_sec": 3,
    "notifier.poll_interval_sec": POLL_SEC,
    "notifier.per_origin": 8,
    "notifier.retry_schedule_sec": [0, 1, 1, 2, 3, *[5] * 15],
    "log.format": "json",
}


@dataclass(frozen=True, slots=True)
class System:
    """What runs in one round."""

    folder: Path
    network: Network
    mongo: ReplicaSet
    mongo_proxies: list[Proxy]
    broker: RabbitMQ
    broker_proxies: dict[str, Proxy]
    """By the service whose link it is."""
    receiver: Receiver
    stack: Stack
    keys: list[str]
    """API keys of the clients."""

    @property
    def record(self) -> Path:
        """Where the handlers note what they run."""
        return self.folder / "executions.jsonl"

    @property
    def urls(self) -> list[str]:
        """The APIs'."""
        return [f"http://{HOST}:{api.port}" for api in self.stack.apis]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[System]:
    """Start everything with files and logs in *folder*; stop it all at the end.

    Raises:
        ChildFailed, NotInTime, ServerMissing: something did not start.
        PromiseBroken: a service found a way around its proxies.
    """
    os.environ["PYTHONPATH"] = str(TESTS)  # for the workers, which import the handlers
    os.environ[record.VARIABLE] = str(folder / "executions.jsonl")
    with ExitStack() as on:
        network = on.enter_context(Network())
        receiver = on.enter_context(Receiver())
        mongo_proxies: list[Proxy] = []
        mongo = ReplicaSet(
            folder / "mongo",
            size=3,
            election_timeout_ms=ELECTION_TIMEOUT_MS,
            advertised_port=lambda port: _added(mongo_proxies, network.proxy(port)).port,
        )
        broker = RabbitMQ(folder / "rabbitmq")
        on.callback(broker.stop)
        on.callback(mongo.stop)
        with ThreadPoolExecutor() as executor:
            for started in [executor.submit(part.start) for part in (mongo, broker)]:
                started.result()
        broker_proxies: dict[str, Proxy] = {}

        def own_settings(name: str) -> Settings:
            proxy = broker_proxies[name] = network.proxy(broker.port)
            return {"broker.url": f"amqp://guest:guest@{HOST}:{proxy.port}/"}

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
        on.enter_context(stack)
        for service in stack.services:
            check_proxied(service, mongo_proxies, broker_proxies[service.name])
        yield System(
            folder,
            network,
            mongo,
            mongo_proxies,
            broker,
            broker_proxies,
            receiver,
            stack,
            [_make_key(stack, number) for number in range(KEYS)],
        )


def check_proxied(service: Service, mongo_proxies: list[Proxy], broker_proxy: Proxy) -> None:
    """Hold that all outgoing connections of *service* go through proxies, those to MongoDB too.

    A replica set tells its clients where its members are: one that told the nodes' own ports would
    lead every client around the proxies.

    Raises:
        PromiseBroken: they do not.
    """
    mine = connections_of(service.child.pid)
    outgoing = {one.remote_port for one in mine if one.local_port != service.port}
    through_mongo = {proxy.port for proxy in mongo_proxies}
    expect(outgoing & through_mongo, f"{service.name} has no connection to a MongoDB proxy")
    around = outgoing - through_mongo - {broker_proxy.port}
    expect(not around, f"{service.name} has connections around the proxies: {sorted(around)}")


def links_of(service: Service) -> ConnectionFilter:
    """Chooses the connections of the process that *service* is now, later ones too."""
    pid = service.child.pid
    known: dict[int, bool] = {one.local_port: True for one in connections_of(pid)}

    def chosen(port: int) -> bool:
        if port not in known:
            known[port] = any(one.local_port == port for one in connections_of(pid))
        return known[port]

    return chosen


def _added(proxies: list[Proxy], proxy: Proxy) -> Proxy:
    proxies.append(proxy)
    return proxy


def _make_key(stack: Stack, number: int) -> str:
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    body = {"name": f"chaos-{number}", "scopes": []}
    answer = httpx.post(f"{stack.url}/api/keys", json=body, headers=headers)
    key: str = answer.raise_for_status().json()["data"]["key"]
    return key
