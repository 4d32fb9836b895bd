"""Kills containers and stops the servers under load; the ledger says what became of each job."""

from __future__ import annotations

import time

from compose.evidence import settle
from compose.load import Load
from compose.project import Project
from compose.services import wait_for_api
from support.scenario_report import expect, say

from secretary_devstack.processes.job_client import JobClient

KILLED = ("worker", "notifier", "api", "rabbitmq", "mongo", "worker")
DOWN_SEC, BETWEEN_SEC = 5.0, 10.0


def kill_containers(project: Project, key: str) -> None:
    """Kill one container of each service and server in turn, and start it again after 5 s."""
    with JobClient(project.url, key) as client, Load(project.url, key) as load:
        for service in KILLED:
            time.sleep(BETWEEN_SEC)
            container = project.containers(service)[0]
            project.docker("kill", container)
            say(f"killed {service} after {len(load.accepted)} accepted jobs")
            time.sleep(DOWN_SEC)
            project.docker("start", container)
        time.sleep(BETWEEN_SEC)
        wait_for_api(project)
        _stop_and_settle(project, client, load, "kills")


def stop_server(project: Project, key: str, service: str, seconds: float) -> None:
    """Stop MongoDB or RabbitMQ for *seconds* under load."""
    with JobClient(project.url, key) as client, Load(project.url, key) as load:
        time.sleep(BETWEEN_SEC)
        (container,) = project.containers(service)
        project.docker("stop", "-t", "30", container)
        accepted = len(load.accepted)
        say(f"stopped {service} after {accepted} accepted jobs")
        time.sleep(seconds)
        during = len(load.accepted) - accepted
        say(f"accepted in {seconds:g} s without {service}: {during}; refused: {load.refusals}")
        if service == "rabbitmq":
            expect(during, "no job was accepted without RabbitMQ")
        project.docker("start", container)
        time.sleep(BETWEEN_SEC)
        wait_for_api(project)
        time.sleep(BETWEEN_SEC)
        _stop_and_settle(project, client, load, f"{seconds:g} s without {service}")


def _stop_and_settle(project: Project, client: JobClient, load: Load, what: str) -> None:
    load.stop()
    started = time.monotonic()
    ledger = settle(project, client, load.accepted)
    seconds = time.monotonic() - started
    say(f"ledger, {what}: {ledger} ({seconds:.0f} s after the last submission)")
    expect(ledger.is_clean, f"{what}: {ledger!r}")
    expect(ledger.accepted, f"{what}: no job was accepted")
