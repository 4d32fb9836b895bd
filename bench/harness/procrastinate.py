"""procrastinate as a system under test, with a PostgreSQL of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.peer import BENCH, SCRIPTS, PeerProcesses
from harness.postgres import Postgres
from harness.system import System
from secretary_devstack.servers.port import HOST


class Procrastinate(System):
    """FastAPI with procrastinate. There is no broker; the queue is a table."""

    name = "procrastinate"

    def __init__(self, folder: Path, *, workers: int = 1, slots: int = 32) -> None:
        self.folder = folder
        self._postgres = Postgres(folder / "servers/postgres")
        self._workers = workers
        self._slots = max(1, slots // workers)
        self._processes: PeerProcesses | None = None
        self._reader: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start PostgreSQL, make its tables, start the API and the workers."""
        self._postgres.start()
        folder = self.folder / "services"
        folder.mkdir(parents=True)
        urls = {"BENCH_POSTGRES_URL": self._postgres.url}
        self._start_reader(urls)
        self._processes = PeerProcesses(folder, urls)
        self._processes.start_api("peers.procrastinate_peer:api")
        command = ["procrastinate", "--app", "peers.procrastinate_peer.app", "worker"]
        for _ in range(self._workers):
            self._processes.start("worker", [*command, "--concurrency", str(self._slots)])
        self.url = f"http://{HOST}:{self._processes.port}"

    def stop(self) -> None:
        """Stop everything."""
        if self._processes:
            self._processes.stop()
        if self._reader:
            self._reader.communicate()
        self._postgres.stop()

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids of the services and of PostgreSQL."""
        services = self._processes.pids() if self._processes else {}
        return {**services, "postgres": [self._postgres.pid]}

    def finished(self, job_ids: Sequence[str]) -> set[str]:
        """Ask the reader, because this process has no client of PostgreSQL."""
        if not self._reader or not self._reader.stdin or not self._reader.stdout:
            return set()
        self._reader.stdin.write(json.dumps(list(job_ids)) + "\n")
        self._reader.stdin.flush()
        return set(json.loads(self._reader.stdout.readline()))

    def _start_reader(self, urls: dict[str, str]) -> None:
        self._reader = subprocess.Popen(  # noqa: S603 - a constant command, no shell
            [SCRIPTS / "python", "-m", "peers.postgres_reader"],
            env={**os.environ, "PYTHONPATH": str(BENCH), **urls},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._reader.stdout:
            self._reader.stdout.readline()  # the tables are there
