"""MongoDB and RabbitMQ as in production: TLS of a private authority, one user for each service."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from support.certificate import Authority

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Settings
from secretary_devstack.servers.mongod import mongod_binary
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.rabbitmq.node import RabbitMQ

COMPOSE = Path(__file__).resolve().parents[2] / "deploy/compose"
SERVICES = ("init", "api", "worker", "notifier")
NAME = "localhost"
"""The name in the servers' certificates."""
MODE_OF_KEY = 0o400
READY_SEC = 60.0
Client = MongoClient[dict[str, Any]]


def script(name: str) -> Any:
    """Return a module of ``deploy/compose``, whose users and permissions this module takes."""
    spec = importlib.util.spec_from_file_location(name, COMPOSE / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(slots=True)
class SecuredServers:
    """The running servers."""

    folder: Path
    authority: Authority
    port: int
    broker: RabbitMQ
    tls_port: int
    mongod: ChildProcess | None = None

    @property
    def data(self) -> Path:
        """The folder with MongoDB's data."""
        return self.folder / "data"

    def start_mongod(self, mode: str = "requireTLS") -> None:
        """Start MongoDB; it asks for passwords."""
        pem, key = self.folder / "server.pem", self.folder / "key"
        if not pem.exists():
            certificate = self.authority.issue(NAME)
            pem.write_bytes(b"".join(one.read_bytes() for one in certificate))
            key.write_text("0123456789abcdef")
            key.chmod(MODE_OF_KEY)
        self.data.mkdir(exist_ok=True)
        options = {
            "--dbpath": str(self.data),
            "--port": str(self.port),
            "--bind_ip": HOST,
            "--replSet": "rs0",
            "--keyFile": str(key),
            "--wiredTigerCacheSizeGB": "0.25",
            "--tlsMode": mode,
            "--tlsCertificateKeyFile": str(pem),
            "--tlsCAFile": str(self.authority.file),
        }
        words = [word for pair in options.items() for word in pair]
        words += ["--tlsAllowConnectionsWithoutCertificates", "--nounixsocket"]
        log = self.folder / "mongod.log"
        self.mongod = ChildProcess([mongod_binary(), *words], log=log, env=dict(os.environ))

    def stop_mongod(self) -> None:
        """Stop MongoDB cleanly."""
        if self.mongod:
            self.mongod.stop()

    def mongo_url(self, user: str, password: str) -> str:
        """Return MongoDB's URL for *user*."""
        options = f"replicaSet=rs0&authSource=admin&tls=true&tlsCAFile={self.authority.file}"
        return f"mongodb://{user}:{password}@{NAME}:{self.port}/?{options}"

    def amqp_url(self, user: str, password: str) -> str:
        """Return the broker's URL for *user*."""
        return f"amqps://{user}:{password}@{NAME}:{self.tls_port}/?cafile={self.authority.file}"

    def settings_of(self, service: str, suffix: str = "") -> Settings:
        """Return the URLs of *service*; a rotation gives its user a name with *suffix*."""
        user = service + suffix
        return {
            "mongo.url": self.mongo_url(user, password_of(user)),
            "broker.url": self.amqp_url(user, password_of(user)),
        }

    @contextmanager
    def administrator(self) -> Iterator[Client]:
        """Yield a client that may do everything."""
        url = self.mongo_url("operator", password_of("operator"))
        client: Client = MongoClient(url, serverSelectionTimeoutMS=int(READY_SEC * 1000))
        with client:
            yield client

    def add_broker_user(self, service: str, suffix: str = "") -> None:
        """Create the broker's user of *service* with the permissions of ``deploy/compose``."""
        user = service + suffix
        self.broker.control("add_user", user, password_of(user))
        permissions = script("make_secrets").BROKER_PERMISSIONS[service]
        self.broker.control("set_permissions", user, *permissions)


def password_of(user: str) -> str:
    """Return the password of a test's user."""
    return f"{user}-password"


@contextmanager
def secured_servers(folder: Path) -> Iterator[SecuredServers]:
    """Run both servers with their users; stop them at the end."""
    tls_port = free_port()
    authority = Authority(folder)
    certificate, key = authority.issue(NAME)
    lines = [
        f"listeners.ssl.1 = {HOST}:{tls_port}",
        f"ssl_options.cacertfile = {authority.file}",
        f"ssl_options.certfile = {certificate}",
        f"ssl_options.keyfile = {key}",
        "ssl_options.verify = verify_none",
        "ssl_options.fail_if_no_peer_cert = false",
    ]
    broker = RabbitMQ(folder / "rabbitmq", configuration=lines)
    servers = SecuredServers(folder, authority, free_port(), broker, tls_port)
    try:
        broker.start()
        _make_users(servers)
        for service in SERVICES:
            servers.add_broker_user(service)
        yield servers
    finally:
        broker.stop()
        servers.stop_mongod()


def _make_users(servers: SecuredServers) -> None:
    """Make MongoDB's users by the script of ``deploy/compose``, then ask for TLS."""
    mongo_users = script("mongo_users")
    member = {"_id": 0, "host": f"{NAME}:{servers.port}"}
    mongo_users.REPLICA_SET = {"_id": "rs0", "members": [member]}
    servers.start_mongod("preferTLS")
    users = ("operator", *SERVICES)
    mongo_users.prepare({user: password_of(user) for user in users}, HOST, servers.port)
    servers.stop_mongod()
    servers.start_mongod()


def copy_of(data: Path, target: Path) -> None:
    """Copy MongoDB's data, as a snapshot of its file system does."""
    shutil.copytree(data, target, ignore=shutil.ignore_patterns("mongod.lock"))


def await_primary(servers: SecuredServers) -> None:
    """Return when MongoDB takes writes again."""

    def is_primary() -> bool:
        with servers.administrator() as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))

    wait_until(is_primary, timeout_sec=READY_SEC, what="a primary")
