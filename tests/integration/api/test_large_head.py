"""The API refuses requests whose head or trailers never end, and keeps answering."""

from __future__ import annotations

import socket

import httpx
import pytest
from support.api_harness import ADMIN_KEY

from secretary_devstack.processes.service import Service

FAR_OVER = 32 * 1024 * 1024
PIECE = b"x" * 65536


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: ",
        b"GET /health/live?",
        f"POST /api/jobs/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\n{}\r\n0\r\nX-Trailer: ".encode(),
    ],
    ids=["header", "target", "trailer"],
)
def test_a_head_without_an_end_closes_the_connection(
    shared_service: Service, beginning: bytes
) -> None:
    assert sent_until_closed(shared_service.port, beginning) < FAR_OVER
    assert httpx.get(f"http://127.0.0.1:{shared_service.port}/health/live").status_code == 200


def test_a_long_head_that_ends_is_answered(shared_service: Service) -> None:
    headers = {f"X-Header-{n}": "x" * 4000 for n in range(10)}
    answer = httpx.get(f"http://127.0.0.1:{shared_service.port}/health/live", headers=headers)
    assert answer.status_code == 200


def sent_until_closed(port: int, beginning: bytes) -> int:
    """Send without an end; return the bytes that were sent when the API closed the connection."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(beginning)
        try:
            while sent < FAR_OVER:
                connection.sendall(PIECE)
                sent += len(PIECE)
        except OSError:
            pass
    return sent
