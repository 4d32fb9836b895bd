"""What the bystander measures during an attack, and what the API needs for it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.servers.receiver import Receiver

ROUNDS = 5
"""How often the bystander measures; the slowest round counts."""
GIVE_UP_SEC = 60.0
UPLOAD_BYTES = 2**20
SAMPLE_SEC = 0.05
JOB = {"seconds": 0}


@dataclass
class Measured:
    """The figures of one attack, and what else was wrong."""

    figures: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class ApiUse:
    """What the API used while it was watched."""

    peak_mib: float = 0.0
    cpu_sec: float = 0.0


@dataclass(frozen=True)
class Bystander:
    """A client with a key of its own, which does nothing wrong."""

    client: JobClient
    receiver: Receiver
    api: Service
    tests: Path

    def measure(self) -> dict[str, float]:
        """Return the slowest start, webhook and upload of some rounds, in seconds."""
        rounds = [(*self._job(), self._upload()) for _ in range(ROUNDS)]
        names = ("start_sec", "webhook_sec", "upload_sec")
        return dict(zip(names, map(max, zip(*rounds, strict=True)), strict=True))

    def p95_ms(self, seconds: float) -> float:
        """Return the 95th percentile of the answers to a process that asks for some seconds."""
        key = self.client.http.headers["Authorization"].removeprefix("Bearer ")
        done = run_module(self.tests, "fairness.bystander", self.api.port, key, seconds)
        return float(done.stdout)

    @contextlib.contextmanager
    def watching(self) -> Iterator[ApiUse]:
        """Sample the memory of the API's process inside the block; count its CPU time."""
        use, ended = ApiUse(), threading.Event()
        before = _cpu_sec(self.api)

        def sample() -> None:
            while not ended.wait(SAMPLE_SEC):
                use.peak_mib = max(use.peak_mib, _memory_mib(self.api))

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield use
        finally:
            ended.set()
            thread.join()
            use.cpu_sec = _cpu_sec(self.api) - before

    def _job(self) -> tuple[float, float]:
        """Return how long a short job waited for its start, and how long its webhook took."""
        path = f"/{time.monotonic_ns()}"
        hook = {"url": self.receiver.url(path), "progress": False}
        job_id = self.client.submit("nap", {**JOB, "webhook": hook})
        try:
            job = self.client.wait(job_id, timeout_sec=GIVE_UP_SEC)
        except NotInTime:
            self.client.http.post(f"/api/jobs/{job_id}/cancel")
            return GIVE_UP_SEC, GIVE_UP_SEC
        wait_until(
            lambda: any(one.path == path for one in self.receiver.requests),
            timeout_sec=GIVE_UP_SEC,
            what="the webhook",
        )
        ended = _time(job["completed_at"])
        received = next(one.at for one in self.receiver.requests if one.path == path)
        return _time(job["processing_started_at"]) - _time(job["created_at"]), received - ended

    def _upload(self) -> float:
        """Return how long an upload takes."""
        started = time.monotonic()
        files = {"file": ("a.bin", b"x" * UPLOAD_BYTES)}
        answer = self.client.http.post("/api/files", files=files, timeout=GIVE_UP_SEC)
        answer.raise_for_status()
        return time.monotonic() - started


def run_module(tests: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests as a process of its own, to its end."""
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=tests, check=True, capture_output=True, text=True)


def _time(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _memory_mib(service: Service) -> float:
    lines = Path(f"/proc/{service.child.pid}/status").read_text().splitlines()
    rss = next(line for line in lines if line.startswith("VmRSS:"))
    return int(rss.split()[1]) / 1024


def _cpu_sec(service: Service) -> float:
    stat = Path(f"/proc/{service.child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / 100
