"""The job systems of ``peers`` as systems under test."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from harness.system import MongoSystem
from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime, ServerMissing
from secretary_devstack.processes.service import answers_ok
from secretary_devstack.servers.port import HOST, free_port

BENCH = Path(__file__).parents[1]
SCRIPTS = BENCH.parent / ".venv-peers/bin"
READY_SEC = 60.0


class PeerProcesses:
    """The API and the workers of one peer as child processes."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """*environment* is added to that of this process."""
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(BENCH), **environment}
        self._groups: dict[str, list[ChildProcess]] = {}
        self.port = free_port()

    def start_api(self, application: str) -> None:
        """Serve *application*, e.g. ``peers.celery_peer:api``, with uvicorn's fastest parts.

        Raises:
            ServerMissing: the peers' packages are not installed.
            ChildFailed: the application ended or did not become ready.
        """
        options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        child = self.start("api", ["uvicorn", application, "--port", str(self.port), *options])

        def ready() -> bool:
            if not child.running:
                raise child.failure(f"ended with {child.returncode}")
            return answers_ok(self.port, "/health/ready")

        try:
            wait_until(ready, timeout_sec=READY_SEC, what=application)
        except NotInTime:
            raise child.failure("is not ready") from None

    def start(self, group: str, command: Sequence[str]) -> ChildProcess:
        """Start a process of a group such as ``worker``; do not wait for it.

        Raises:
            ServerMissing: the peers' packages are not installed.
        """
        script = SCRIPTS / command[0]
        if not script.exists():
            raise ServerMissing(f"{command[0]} is not installed: run `make bench`")
        group_children = self._groups.setdefault(group, [])
        child = ChildProcess(
            [script, *command[1:]],
            log=self._folder / f"{group}-{len(group_children) + 1}.log",
            env=self._environment,
            cwd=self._folder,
        )
        group_children.append(child)
        return child

    def pids(self) -> dict[str, list[int]]:
        """Return the process ids of each group."""
        return {name: [one.pid for one in found] for name, found in self._groups.items()}

    def stop(self) -> None:
        """Stop all processes, the API last."""
        for name in reversed(self._groups):
            for child in self._groups[name]:
                child.stop()


class Peer(MongoSystem, ABC):
    """FastAPI with a job system that uses MongoDB and RabbitMQ."""

    module = ""

    def __init__(self, folder: Path, *, workers: int = 1, slots: int = 32) -> None:
        super().__init__(folder)
        self._workers = workers
        self._slots = max(1, slots // workers)
        self._processes: PeerProcesses | None = None

    def start_services(self) -> None:
        """Start the API and the workers."""
        folder = self.folder / "services"
        folder.mkdir(parents=True)
        urls = {"BENCH_MONGO_URL": self.servers.mongo.url, "BENCH_AMQP_URL": self.servers.amqp_url}
        self._processes = PeerProcesses(folder, urls)
        self._processes.start_api(f"{self.module}:api")
        for _ in range(self._workers):
            self._processes.start("worker", self.worker_command(self._slots))
        self.url = f"http://{HOST}:{self._processes.port}"

    def stop_services(self) -> None:
        """Stop workers and API."""
        if self._processes:
            self._processes.stop()

    def service_processes(self) -> dict[str, list[int]]:
        """Name the API and the workers."""
        return self._processes.pids() if self._processes else {}

    @staticmethod
    @abstractmethod
    def worker_command(slots: int) -> list[str]:
        """Return the words that start a worker of *slots* jobs at once."""


class CeleryThreads(Peer):
    """Celery with eight threads, whatever the slots, which is its fastest number here."""

    name = "celery threads"
    module = "peers.celery_peer"

    @staticmethod
    def worker_command(slots: int) -> list[str]:
        """Run a pool of threads."""
        return [*_CELERY, "--pool", "threads", "--concurrency", str(min(slots, 8))]


class CeleryPrefork(Peer):
    """Celery with its default pool: two processes on two CPUs."""

    name = "celery prefork"
    module = "peers.celery_peer"

    @staticmethod
    def worker_command(slots: int) -> list[str]:
        """Run a pool of processes."""
        return [*_CELERY, "--pool", "prefork", "--concurrency", str(min(slots, 2))]


class Taskiq(Peer):
    """Taskiq with one worker process."""

    name = "taskiq"
    module = "peers.taskiq_peer"

    @staticmethod
    def worker_command(slots: int) -> list[str]:
        """Run asynchronous tasks in one process."""
        limits = ["--workers", "1", "--max-async-tasks", str(slots)]
        return ["taskiq", "worker", "peers.taskiq_peer:broker", *limits, "--log-level", "WARNING"]


_CELERY = ["celery", "-A", "peers.celery_peer", "worker", "--loglevel", "WARNING"]
