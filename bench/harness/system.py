"""A job system under test, with servers of its own that are empty when it starts."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from secretary_devstack.processes.stack import Servers
from secretary_devstack.startable import Startable

WINDOW = 50
# A bench that waits for long reads less often: its reads must not burden a slow system.
LEAST_POLL_SEC = 0.01
POLL_SHARE = 0.02
END_SEC = 240.0


class System(Startable):
    """Accepts jobs over HTTP and runs them. It is started once."""

    name = ""
    url = ""
    """Where ``POST /api/jobs/`` is answered."""
    headers: Mapping[str, str] = {}
    job_type = "bench"

    @abstractmethod
    def processes(self) -> dict[str, list[int]]:
        """Return the process ids by their part in the system, e.g. ``api``."""

    @abstractmethod
    def finished(self, job_ids: Sequence[str]) -> set[str]:
        """Return which of the jobs have completed."""

    def commands(self) -> dict[str, float]:
        """Return how many commands the database has run so far, by their names."""
        return {}

    def messages(self) -> dict[str, float]:
        """Return how many messages the broker has handled so far. This takes seconds."""
        return {}

    def await_end(self, job_ids: Sequence[str]) -> None:
        """Wait until all jobs have completed.

        The last jobs end last, so only these are read again and again. At the end one query reads
        all jobs.

        Raises:
            TimeoutError: the jobs did not end in time.
        """
        left = list(job_ids)
        started = time.monotonic()
        while left:
            window, waited = left[-WINDOW:], time.monotonic() - started
            if set(window) <= self.finished(window):
                done = self.finished(left)
                left = [one for one in left if one not in done]
            else:
                time.sleep(max(LEAST_POLL_SEC, waited * POLL_SHARE))
            if waited > END_SEC:
                raise TimeoutError(f"{self.name}: {len(left)} jobs have not ended")


class MongoSystem(System):
    """A system that keeps its jobs in MongoDB and uses RabbitMQ."""

    database = "bench"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = Servers(folder / "servers", quick_start=False)
        self._client: MongoClient[dict[str, Any]] | None = None

    @property
    def client(self) -> MongoClient[dict[str, Any]]:
        """A client for the small reads of the bench."""
        if self._client is None:
            self._client = MongoClient(self.servers.mongo.url, tz_aware=True)
        return self._client

    def start(self) -> None:
        """Start the servers, then the services."""
        self.servers.start()
        self.start_services()

    def stop(self) -> None:
        """Stop the services, then the servers."""
        self.stop_services()
        if self._client:
            self._client.close()
        self.servers.stop()

    @abstractmethod
    def start_services(self) -> None:
        """Start the services; return when they are ready."""

    @abstractmethod
    def stop_services(self) -> None:
        """Stop all services that run."""

    @abstractmethod
    def service_processes(self) -> dict[str, list[int]]:
        """Return the process ids of the services."""

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids of services and servers."""
        broker = self.servers.broker
        return {
            **self.service_processes(),
            "mongod": [node.child.pid for node in self.servers.mongo.nodes],
            "rabbitmq": [broker.pid] if broker else [],
        }

    def finished(self, job_ids: Sequence[str]) -> set[str]:
        """Read the ids of the completed ones."""
        jobs = self.client[self.database]["jobs"]
        query = {"_id": {"$in": list(job_ids)}, "status": "completed"}
        return {found["_id"] for found in jobs.find(query, {"_id": 1})}

    def commands(self) -> dict[str, float]:
        """Read the counters of mongod."""
        counters = self.client.admin.command("serverStatus")["metrics"]["commands"]
        return {
            name: float(counter["total"])
            for name, counter in counters.items()
            if isinstance(counter, dict) and counter.get("total")
        }

    def messages(self) -> dict[str, float]:
        """Read the global counters of the broker."""
        if not self.servers.broker:
            return {}
        found: dict[str, float] = {}
        for line in self.servers.broker.control("eval", _COUNTERS).splitlines():
            name, _, count = line.partition(" ")
            if count.isdigit() and name.startswith("messages_"):
                found[name] = found.get(name, 0) + int(count)
        return found


_COUNTERS = (
    '[io:format("~s ~p~n", [Name, Count]) ||'
    " {_, Group} <- maps:to_list(rabbit_global_counters:overview()),"
    " {Name, Count} <- maps:to_list(Group)], ok."
)
