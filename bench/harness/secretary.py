"""Secretary as a system under test."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.system import MongoSystem
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Settings
from secretary_devstack.processes.stack import Stack

HANDLERS = Path(__file__).parents[1]


class Secretary(MongoSystem):
    """The services of this repository: one API, *workers* workers, on request a notifier."""

    name = "secretary"

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 1,
        slots: int = 32,
        notifiers: int = 0,
        roots: Sequence[Path] = (),
        settings: Settings | None = None,
    ) -> None:
        """*slots* is the number of jobs at once of all workers together."""
        super().__init__(folder)
        self._workers = workers
        self._notifiers = notifiers
        self._roots = roots
        self._settings = {
            "worker.handler_modules": ["bench_handlers"],
            "generic_worker.max_concurrent": max(1, slots // workers),
            **(settings or {}),
        }
        self.stack: Stack | None = None

    def start_services(self) -> None:
        """Start all services in parallel."""
        os.environ["PYTHONPATH"] = str(HANDLERS)
        self.stack = Stack(
            self.folder / "services",
            mongo_url=self.servers.mongo.url,
            amqp_url=self.servers.amqp_url,
            database=self.database,
            workers=self._workers,
            notifiers=self._notifiers,
            roots=self._roots,
            settings=self._settings,
        )
        self.url = self.stack.url
        self.headers = {"Authorization": f"Bearer {self.stack.keys.bootstrap}"}
        self.stack.start()

    def job_client(self) -> JobClient:
        """Return a client with the admin key. The caller closes the client."""
        if self.stack is None:
            raise RuntimeError("the services were not started")
        return self.stack.client()

    def stop_services(self) -> None:
        """Stop all services in parallel."""
        if self.stack:
            self.stack.stop()

    def service_processes(self) -> dict[str, list[int]]:
        """Name the services by their kinds."""
        if self.stack is None:
            return {}
        groups: Mapping[str, list[int]] = {
            "api": [one.child.pid for one in self.stack.apis],
            "worker": [one.child.pid for one in self.stack.workers],
            "notifier": [one.child.pid for one in self.stack.notifiers],
        }
        return {name: pids for name, pids in groups.items() if pids}
