"""The attacks: what a hostile key does, and what the bystander measures meanwhile."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from fairness.measures import Bystander, Measured

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import HOST

LONG_JOBS, LONG_SEC = 12, 45
HIGHEST = 9
UPLOADS_A_KEY, DRIP_SEC = 8, 1.0
BODIES, BODY_BYTES = 10, 10 * 2**20 - 100
HALF_HEADS, SLOW_BODIES = 3000, 300
REFUSED = (413, 429)
BODY_SEC = 120.0
WATCH_SEC = 20.0
SETTLE_SEC = 3.0
HALF_HEAD = "GET /health/live HTTP/1.1\\r\\nHost: x\\r\\nX-"


@dataclass(frozen=True)
class Target:
    """The system under attack, and the keys of the attackers."""

    stack: Stack
    tests: Path
    keys: list[str]


def long_jobs(target: Target, bystander: Bystander) -> Measured:
    """Submit more long jobs of the highest priority than there are slots."""
    with JobClient(target.stack.url, target.keys[0]) as hostile:
        long = {"seconds": LONG_SEC}
        ids = [hostile.submit("nap", long, priority=HIGHEST) for _ in range(LONG_JOBS)]
        time.sleep(SETTLE_SEC)
        figures = bystander.measure()
        for job_id in ids:
            hostile.http.post(f"/api/jobs/{job_id}/cancel")
    return Measured(figures)


def dripping_uploads(target: Target, bystander: Bystander) -> Measured:
    """Begin as many uploads as the service takes at once, and send a byte now and then."""
    with contextlib.ExitStack() as on:
        for key in target.keys:
            for _ in range(UPLOADS_A_KEY):
                on.enter_context(_dripping_upload(target.stack.api.port, key))
        time.sleep(SETTLE_SEC)
        return Measured(bystander.measure())


def large_bodies(target: Target, bystander: Bystander) -> Measured:
    """Send the largest bodies with the most values, all at once."""
    measured = Measured()
    with bystander.watching() as use, ThreadPoolExecutor(BODIES) as executor:
        sent = [executor.submit(_send_body, target, n) for n in range(BODIES)]
        measured.figures |= bystander.measure()
        statuses = {one.result() for one in sent}
    if statuses - set(REFUSED):
        measured.problems.append(f"the bodies were answered {sorted(statuses)}")
    return Measured(
        {**measured.figures, "api_mib": use.peak_mib, "cpu_sec": use.cpu_sec}, measured.problems
    )


def half_heads(target: Target, bystander: Bystander) -> Measured:
    """Open connections that send half a head and no more."""
    half = _SlowConnections(HALF_HEADS, HALF_HEAD, 0, "open_sec")
    return _attacked(target, bystander, half)


def dripping_bodies(target: Target, bystander: Bystander) -> Measured:
    """Begin requests whose bodies come byte by byte."""
    head = (
        f"POST /api/jobs/ HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer {target.keys[0]}\\r\\n"
        "Content-Type: application/json\\r\\nContent-Length: 100000\\r\\n\\r\\n{"
    )
    return _attacked(target, bystander, _SlowConnections(SLOW_BODIES, head, DRIP_SEC, "body_sec"))


@dataclass(frozen=True)
class _SlowConnections:
    """Connections that a process of its own opens (``attacker.py``)."""

    count: int
    beginning: str
    drip_sec: float
    figure: str
    """The name of the time for which the last one stays open."""


def _attacked(target: Target, bystander: Bystander, slow: _SlowConnections) -> Measured:
    """Measure the answers to the bystander before, during and after the attack."""
    before = bystander.p95_ms(WATCH_SEC)
    command = [sys.executable, "-m", "fairness.attacker", target.stack.api.port, slow.count]
    with bystander.watching() as use:
        attacker = subprocess.Popen(
            [*map(str, command), slow.beginning, str(slow.drip_sec)],
            cwd=target.tests,
            stdout=subprocess.PIPE,
            text=True,
        )
        during = bystander.p95_ms(WATCH_SEC)
        printed, _ = attacker.communicate()
    after = bystander.p95_ms(WATCH_SEC)
    alone = (before + after) / 2
    problems = [] if attacker.returncode == 0 else ["the attacker failed"]
    return Measured(
        {
            slow.figure: float(printed or 0),
            "p95_alone_ms": alone,
            "p95_ms": during,
            "p95_ratio": during / alone,
            "cpu_sec": use.cpu_sec,
        },
        problems,
    )


@contextlib.contextmanager
def _dripping_upload(port: int, key: str) -> Iterator[None]:
    """Hold an upload open inside the block."""
    head = (
        f"POST /api/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    ended = threading.Event()

    def send() -> None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port)) as connection:
            connection.sendall(head.encode())
            while not ended.wait(DRIP_SEC):
                connection.sendall(b"x")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _send_body(target: Target, number: int) -> int:
    """Send a body of empty lists; return the status of the answer."""
    lists = b"[]," * (BODY_BYTES // 3)
    body = b'{"job_type": "nap", "parameters": {"x": [' + lists + b"[]]}}"
    headers = {
        "Authorization": f"Bearer {target.keys[number % len(target.keys)]}",
        "Content-Type": "application/json",
    }
    url = f"{target.stack.url}/api/jobs/"
    return httpx.post(url, content=body, headers=headers, timeout=BODY_SEC).status_code
