"""``secretary-api`` as a process over a MongoDB, and a client of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from pymongo import MongoClient
from support.api_harness import ADMIN_KEY, PEPPER

from secretary_devstack.processes.service import Service
from secretary_devstack.servers.port import free_port

AUTHORIZED = {"Authorization": f"Bearer {ADMIN_KEY}"}
MAX_BODY_MB = 1


def service_over(url: str, database: str, folder: Path, **settings: Any) -> Service:
    port = free_port()
    return Service(
        "secretary-api",
        {
            "mongo.url": url,
            "mongo.database": database,
            "api.port": port,
            "api.bootstrap_key": ADMIN_KEY,
            "api.pepper": PEPPER,
            "api.max_body_mb": MAX_BODY_MB,
            "log.format": "json",
            "security.encryption_keys": [Fernet.generate_key().decode()],
            # No broker listens there: everything works without it.
            "broker.url": f"amqp://guest:guest@127.0.0.1:{free_port()}/",
            **settings,
        },
        folder,
        port=port,
    )


@contextlib.contextmanager
def running_service(url: str, database: str, folder: Path, **settings: Any) -> Iterator[Service]:
    """Run the service of ``service_over``; stop it at the end."""
    service = service_over(url, database, folder, **settings)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def announce(url: str, database: str) -> None:
    """Announce the type ``custom``, as ``secretary-init`` does."""
    client: MongoClient[dict[str, Any]] = MongoClient(url)
    with client:
        client[database].job_types.insert_one({"_id": "custom", "schema": None, "paused": False})


def client_of(service: Service) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=AUTHORIZED, timeout=15)
