"""The memory of the API stays bounded, whatever the bodies of its clients hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from support.api_process import announce, client_of, service_over

from secretary_devstack.processes.service import Service

MEGABYTE = 1024 * 1024
BODY_BYTES = 10 * MEGABYTE
MOST_BYTES = 400 * MEGABYTE
AT_ONCE = 10


@pytest.fixture
def service(mongo_url: str, database_name: str, tmp_path: Path) -> Iterator[Service]:
    announce(mongo_url, database_name)
    service = service_over(mongo_url, database_name, tmp_path, **{"api.max_body_mb": 10})
    try:
        service.start()
        yield service
    finally:
        service.stop()


def body_of(value: bytes) -> bytes:
    """Return a body of just under ``BODY_BYTES``."""
    value = value * ((BODY_BYTES - 100) // len(value))
    return b'{"job_type": "custom", "parameters": {"x": [' + value + b'""]}}'


def peak_memory(service: Service) -> int:
    """Return the most memory in bytes that the process of *service* ever used."""
    status = Path(f"/proc/{service.child.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


@pytest.mark.drill
@pytest.mark.parametrize("of_keys", [1, AT_ONCE])
@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"[],", 413),
        (b'{"a":1},', 413),
        (b'"' + b"x" * 997 + b'",', 202),
    ],
    ids=["lists", "objects", "texts"],
)
def test_ten_large_bodies_at_once_need_little_memory(
    service: Service, value: bytes, status: int, of_keys: int
) -> None:
    body = body_of(value)
    with client_of(service) as client:
        made = [client.post("/api/keys", json={"name": "a"}).json()["data"] for _ in range(of_keys)]
        tokens = [made[n % of_keys]["key"] for n in range(AT_ONCE)]

        def send(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            return httpx.post(
                f"http://127.0.0.1:{service.port}/api/jobs/",
                headers=headers,
                content=body,
                timeout=100,
            ).status_code

        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert set(pool.map(send, tokens)) == {status}
        assert client.get("/health/live").status_code == 200
    used = peak_memory(service)
    print(f"peak {used // MEGABYTE} MiB")  # noqa: T201 - shown with -s
    assert used < MOST_BYTES
