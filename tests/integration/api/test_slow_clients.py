"""Clients that send slowly or nothing hold no connection beyond its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from support.api_harness import ADMIN_KEY
from support.api_process import running_service

from secretary_devstack.processes.service import Service

CONNECTIONS = 100
GIVEN_UP_SEC = 60
DRIP_SEC = 0.1
HALF_HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-"
HALF_BODY = (
    f"POST /api/jobs/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
    "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
).encode()


@pytest.fixture(scope="module")
def service(
    mongo_url: str, shared_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    limits = {"api.head_sec": 1, "api.body_sec": 1}
    with running_service(mongo_url, shared_database_name, folder, **limits) as service:
        yield service


async def until_closed(port: int, beginning: bytes, drip: bytes) -> bytes:
    """Send *beginning*, then *drip* again and again; return what the service has answered."""
    answer = b""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    with suppress(ConnectionError):
        while True:
            try:
                async with asyncio.timeout(DRIP_SEC):
                    received = await reader.read(65536)
            except TimeoutError:
                writer.write(drip)
            else:
                answer += received
                if not received:
                    break
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("beginning", "drip", "status"),
    [
        (b"", b"", b""),
        (HALF_HEAD, b"", b"HTTP/1.1 408"),
        (HALF_HEAD, b"x", b"HTTP/1.1 408"),
        (HALF_BODY, b" ", b"HTTP/1.1 408"),
    ],
    ids=["silent", "half head", "dripping head", "dripping body"],
)
async def test_slow_connections_end_while_others_are_answered(
    service: Service, beginning: bytes, drip: bytes, status: bytes
) -> None:
    async with asyncio.timeout(GIVEN_UP_SEC), asyncio.TaskGroup() as group:
        slow = [
            group.create_task(until_closed(service.port, beginning, drip))
            for _ in range(CONNECTIONS)
        ]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as bystander:
            while not all(one.done() for one in slow):
                assert (await bystander.get("/health/live")).status_code == 200
                await asyncio.wait(slow, timeout=DRIP_SEC)
    assert all(one.result().startswith(status) for one in slow)
