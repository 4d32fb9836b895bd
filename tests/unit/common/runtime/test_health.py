"""The health server of worker and notifier."""

import socket
from typing import Any

import httpx
import pytest

from secretary_common.runtime.health import health_server
from secretary_common.runtime.metrics_token import MetricsToken


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


async def test_ready_reports_the_state_of_the_service(port: int) -> None:
    answer: tuple[bool, dict[str, Any]] = (True, {"mongo": "ok"})

    async def ready() -> tuple[bool, dict[str, Any]]:
        return answer

    async with (
        health_server("127.0.0.1", port, ready),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yes = await client.get("/health/ready")
        assert (yes.status_code, yes.json()["data"]) == (200, {"ready": True, "mongo": "ok"})
        answer = (False, {"mongo": "unreachable"})
        no = await client.get("/health/ready")
        assert (no.status_code, no.json()["status"]) == (503, "error")
        assert (await client.get("/health/live")).status_code == 200
        assert "python_info" in (await client.get("/metrics")).text


async def test_live_fails_only_when_the_service_is_stuck(port: int) -> None:
    stuck = False

    async def ready() -> tuple[bool, dict[str, Any]]:
        return False, {}

    async def live() -> tuple[bool, dict[str, Any]]:
        return not stuck, {"listening": False}

    async with (
        health_server("127.0.0.1", port, ready, live),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yes = await client.get("/health/live")
        assert (yes.status_code, yes.json()["data"]) == (200, {"live": True, "listening": False})
        stuck = True
        no = await client.get("/health/live")
        assert (no.status_code, no.json()["error"]["details"]["live"]) == (503, False)


async def test_with_a_token_the_metrics_are_for_its_bearer(port: int) -> None:
    async def ready() -> tuple[bool, dict[str, Any]]:
        return True, {}

    async with (
        health_server("127.0.0.1", port, ready, metrics_token=MetricsToken("the token")),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        for header in ("", "Bearer", "Bearer wrong", "Basic the token", "the token"):
            refused = await client.get("/metrics", headers={"Authorization": header})
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED")
        answer = await client.get("/metrics", headers={"Authorization": "Bearer the token"})
        assert "python_info" in answer.text
        assert (await client.get("/health/ready")).status_code == 200


async def test_port_0_means_no_server() -> None:
    async def ready() -> tuple[bool, dict[str, Any]]:
        raise AssertionError

    async with health_server("127.0.0.1", 0, ready):
        pass
