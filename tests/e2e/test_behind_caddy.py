"""The API behind Caddy, with the Caddyfile of docker-compose.yml: streams, uploads and headers."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import free_port

pytestmark = pytest.mark.drill

CADDYFILE = Path(__file__).parents[2] / "deploy" / "caddy" / "Caddyfile"
ROOT_CERTIFICATE = "caddy/pki/authorities/local/root.crt"
START_SEC = 30.0
UPLOAD_BYTES = 30_000_000


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    return start_shared_stack({"generic_worker.poll_interval_sec": 0.2})


@pytest.fixture(scope="module")
def caddy(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, int, ssl.SSLContext]]:
    """Yield the ports for HTTP and HTTPS of a Caddy in front of the API, and what trusts it."""
    folder = tmp_path_factory.mktemp("caddy")
    plain, encrypted = free_port(), free_port()
    environment = {
        "SECRETARY_DOMAIN": "localhost",
        "SECRETARY_TLS": "internal",
        "SECRETARY_API": stack.url.removeprefix("http://"),
        "SECRETARY_HTTP_PORT": str(plain),
        "SECRETARY_HTTPS_PORT": str(encrypted),
        "SECRETARY_HEALTH_PORT": str(free_port()),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    command = ["caddy", "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield plain, encrypted, _trust(folder / ROOT_CERTIFICATE, encrypted)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _trust(certificate: Path, port: int) -> ssl.SSLContext:
    """Wait until Caddy answers; return a context that trusts its own authority alone."""

    def trusting() -> ssl.SSLContext | None:
        try:
            context = ssl.create_default_context(cafile=str(certificate))
            httpx.get(f"https://localhost:{port}/health/live", verify=context).raise_for_status()
        except (OSError, httpx.HTTPError):
            return None
        return context

    return wait_until(trusting, timeout_sec=START_SEC, what="Caddy", every_sec=0.2)


@pytest.fixture
def client(stack: Stack, caddy: tuple[int, int, ssl.SSLContext]) -> Iterator[JobClient]:
    """A client that reaches the API through Caddy alone."""
    _, port, context = caddy
    with JobClient(f"https://localhost:{port}", stack.keys.bootstrap) as client:
        headers = client.http.headers
        client.http.close()
        client.http = httpx.Client(
            base_url=client.http.base_url, headers=headers, timeout=30, verify=context
        )
        yield client


def test_plain_http_leads_to_https(caddy: tuple[int, int, ssl.SSLContext]) -> None:
    answer = httpx.get(f"http://localhost:{caddy[0]}/health/live")
    assert answer.status_code == httpx.codes.PERMANENT_REDIRECT
    assert answer.headers["location"].startswith("https://localhost")


def test_events_of_a_job_arrive_while_it_runs(client: JobClient) -> None:
    job_id = client.submit("nap", {"seconds": 3})
    with client.http.stream("GET", f"/api/jobs/{job_id}/stream") as answer:
        lines = ((line, time.monotonic()) for line in answer.iter_lines())
        arrived = [(line.split()[-1], at) for line, at in lines if line.startswith("event:")]
    names, times = [name for name, _ in arrived], [at for _, at in arrived]
    assert names[-1] == "completed"
    # Events that wait in the proxy would all arrive together, at the end.
    assert times[-1] - times[0] > 1


def test_a_large_upload_passes(client: JobClient) -> None:
    content = os.urandom(UPLOAD_BYTES)
    answer = client.http.post("/api/files", files={"file": ("a.bin", content)})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert answer.json()["data"]["size"] == UPLOAD_BYTES


def test_a_browser_gets_a_secure_cookie_whatever_the_client_claims(client: JobClient) -> None:
    answer = client.http.post("/api/session", headers={"X-Forwarded-Proto": "http"})
    assert answer.is_success, answer.text
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics?x=1"])
def test_the_metrics_are_not_public(client: JobClient, path: str) -> None:
    answer = client.http.get(path)
    assert (answer.status_code, answer.content) == (httpx.codes.NOT_FOUND, b"")


def test_a_request_waits_while_the_api_restarts(stack: Stack, client: JobClient) -> None:
    # Caddy before 2.8 repeats only requests without a body.
    stack.api.stop()
    stack.api.launch()
    assert client.http.get("/health/live").status_code == httpx.codes.OK
