"""Systems whose collections of jobs have different sizes, on one MongoDB and one broker."""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient

from harness.many_jobs import documents, fill
from harness.secretary import HANDLERS
from harness.system import WINDOW
from harness.turns import say
from secretary_common.models import ApiKey, JobStatus
from secretary_common.mongo import indexes
from secretary_common.mongo.store import store_of
from secretary_common.settings.service import MongoSection
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.startable import Startable

CACHE_GB = 2.0
OWNER = "key-0"
"""The API key that has the most of the jobs."""
JOB_TYPE = "bench"
_TOKEN = f"sk_{OWNER}_of-the-bench"
_BRIEF_SEC = 0.002
_END_SEC = 30.0

Raw = MongoClient[dict[str, Any]]
Timed = tuple[float, dict[str, Any]]


class GrownServers(Startable):
    """One MongoDB with a cache as a small server has it, and one broker."""

    def __init__(self, folder: Path) -> None:
        self.mongo = ReplicaSet(folder / "mongo", cache_gb=CACHE_GB)
        self.broker = RabbitMQ(folder / "rabbitmq", quick_start=False)

    def start(self) -> None:
        """Start both servers."""
        self.mongo.start()
        self.broker.start()

    def stop(self) -> None:
        """Stop both servers."""
        self.broker.stop()
        self.mongo.stop()

    def amqp_url(self, name: str) -> str:
        """Make the virtual host *name*; return its URL. A doorbell stays in its virtual host."""
        self.broker.control("add_vhost", name)
        self.broker.control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return f"{self.broker.url}{name}"


class GrownSystem(Startable):
    """One API and one worker, with a collection of *size* jobs of the past."""

    def __init__(self, folder: Path, servers: GrownServers, size: int) -> None:
        self.size = size
        self._mongo = MongoSection(url=servers.mongo.url, database=f"bench_{size}")
        self._stack = Stack(
            folder / f"services-{size}",
            mongo_url=self._mongo.url,
            amqp_url=servers.amqp_url(f"bench-{size}"),
            database=self._mongo.database,
            notifiers=0,
            settings={
                "worker.handler_modules": ["bench_handlers"],
                "worker.job_types": [JOB_TYPE],
                "generic_worker.max_concurrent": 32,
            },
        )
        for service in self._stack.services:
            service.variables["PYTHONPATH"] = str(HANDLERS)
        self._raw: Raw = MongoClient(servers.mongo.url, tz_aware=True)
        self.url = self._stack.url
        self._connection: http.client.HTTPConnection | None = None

    def start(self) -> None:
        """Fill the collection, then start the services."""
        started = time.monotonic()
        asyncio.run(self._fill())
        self._stack.start()
        at = urlsplit(self.url)
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
        say(f"{self.size} jobs are there after {time.monotonic() - started:.0f} s")

    def stop(self) -> None:
        """Stop the services."""
        if self._connection:
            self._connection.close()
        self._stack.stop()
        self._raw.close()

    async def _fill(self) -> None:
        async with store_of(self._mongo) as store:
            await store.ping()
            await store.keys.insert(self._api_key())
            found = _jobs(store.clock.now())
            jobs = self._raw[self._mongo.database]["jobs"]
            await asyncio.to_thread(fill, jobs, found, self.size)
            await indexes.ensure(store.client)
        await asyncio.to_thread(self._raw.admin.command, "fsync")

    def _api_key(self) -> ApiKey:
        digest = hmac.digest(self._stack.keys.pepper.encode(), _TOKEN.encode(), "sha256")
        return ApiKey(key_id=OWNER, digest=digest.hex(), name=OWNER)

    def headers(self, *, admin: bool = False) -> dict[str, str]:
        """Return the headers of the API key with the most jobs, or of an admin."""
        token = self._stack.keys.bootstrap if admin else _TOKEN
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, admin: bool = False
    ) -> Timed:
        """Make a request; return its milliseconds and the data of the answer.

        Raises:
            RuntimeError: the API refused the request.
        """
        if self._connection is None:
            raise RuntimeError("the system was not started")
        started = time.perf_counter()
        content = json.dumps(body) if body is not None else None
        self._connection.request(method, path, content, self.headers(admin=admin))
        response = self._connection.getresponse()
        answer = response.read()
        took_ms = (time.perf_counter() - started) * 1000
        if response.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:500]!r}")
        data: dict[str, Any] = json.loads(answer)["data"]
        return took_ms, data

    def await_end(self, job_ids: list[str]) -> list[float]:
        """Wait until the jobs have completed; return the milliseconds from creation to claim."""
        jobs = self._raw[self._mongo.database]["jobs"]
        deadline = time.monotonic() + _END_SEC
        # The last jobs end last, and small reads by ``_id`` do not burden MongoDB.
        for ids in (job_ids[-WINDOW:], job_ids):
            query = {"_id": {"$in": ids}, "status": JobStatus.COMPLETED.value}
            while jobs.count_documents(query, hint="_id_") < len(ids):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.size} jobs: some new jobs have not ended")
                time.sleep(_BRIEF_SEC * len(ids) ** 0.5)
        found = jobs.find(query, ["created_at", "processing_started_at"], hint="_id_")
        return [
            (one["processing_started_at"] - one["created_at"]).total_seconds() * 1000
            for one in found
        ]


def _jobs(now: datetime) -> Iterator[dict[str, Any]]:
    """Yield jobs of the past, most of them of the worker's type. None is due for this worker.

    The jobs that are due belong to types that this worker does not run.
    """
    for number, document in enumerate(documents(now)):
        if document["job_type"] == "pdf":
            document["job_type"] = JOB_TYPE
            if document["status"] == JobStatus.PENDING.value:
                document["run_at"] = now + timedelta(hours=1 + number % 48)
        if lease := document.get("lease"):
            lease["expires_at"] = now + timedelta(days=1)
        yield document
