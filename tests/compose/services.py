"""Starts the containers, measures how long they take to start, and ends them."""

from __future__ import annotations

import time

import httpx
from compose.project import OURS, UP_SEC, CommandFailed, Project
from support.scenario_report import expect, say

from secretary_devstack.deadline import wait_until

WORKERS, NOTIFIERS = 3, 2
SCALE = ("--scale", f"worker={WORKERS}", "--scale", f"notifier={NOTIFIERS}")
READY_SEC, HEALTHY_SEC, START_SEC = 180.0, 120.0, 180.0
HEALTHCHECK = "/opt/secretary/healthcheck.py"
PORTS = {
    "api": "SECRETARY_API__PORT",
    "notifier": "SECRETARY_NOTIFIER__HTTP_PORT",
    "worker": "SECRETARY_WORKER__HTTP_PORT",
}


def bring_up(project: Project) -> None:
    """Start all services, or replace those of another version; return when the API is ready."""
    started = time.monotonic()
    project.compose("up", "-d", *SCALE, timeout_sec=UP_SEC)
    say(f"up -d {' '.join(SCALE)}: {time.monotonic() - started:.0f} s")
    wait_for_api(project)
    for service, expected in (("worker", WORKERS), ("notifier", NOTIFIERS)):
        count = len(project.containers(service))
        expect(count == expected, f"{count} of {service} run")


def wait_for_api(project: Project) -> None:
    """Return when the API is ready.

    Raises:
        NotInTime: it is not.
    """

    def ready() -> bool:
        try:
            return httpx.get(f"{project.url}/health/ready").is_success
        except httpx.TransportError:
            return False

    wait_until(ready, timeout_sec=READY_SEC, what="/health/ready", every_sec=0.5)
    say(f"{project.url}/health/ready answers 200")


def measure_starts(project: Project) -> None:
    """Print how long a container of each service takes from its start until it is live."""
    for service in OURS:
        container = project.containers(service)[-1]
        project.docker("stop", "-t", "45", container)
        started = time.monotonic()
        project.docker("start", container)

        def live(container: str = container, port: str = PORTS[service]) -> bool:
            try:
                project.docker("exec", container, "python", "-I", HEALTHCHECK, port)
            except CommandFailed:
                return False
            return True

        wait_until(live, timeout_sec=START_SEC, what=f"a start of {service}", every_sec=0.1)
        say(f"docker start of {service} until it is live: {time.monotonic() - started:.1f} s")


def check_health_and_end(project: Project) -> None:
    """Check that every container is healthy, none crashed, and ours exit with 0 when stopped."""
    services = ("mongo", "rabbitmq", *OURS)
    containers = {c: service for service in services for c in project.containers(service)}

    def unhealthy() -> list[str]:
        states = {c: project.inspect(c)["State"]["Health"]["Status"] for c in containers}
        return [containers[c] for c, state in states.items() if state != "healthy"]

    wait_until(lambda: not unhealthy(), timeout_sec=HEALTHY_SEC, what="health", every_sec=2)
    restarts = sum(project.inspect(c)["RestartCount"] for c in containers)
    say(f"{len(containers)} containers healthy, {restarts} crashes")
    expect(not restarts, "a container crashed")
    project.compose("stop", timeout_sec=UP_SEC)
    codes = {c: project.inspect(c)["State"]["ExitCode"] for c in containers}
    bad = {containers[c]: code for c, code in codes.items() if code and containers[c] in OURS}
    expect(not bad, f"exit codes after stop: {bad}")
    say("stopped: every Secretary service ended with exit code 0")
