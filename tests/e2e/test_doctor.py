"""A healthy system has no faults, and a sick one is named by the command ``secretary doctor``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from secretary_devstack.processes.service import console_script, environment
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import HOST, free_port

QUICK = {"generic_worker.poll_interval_sec": 0.2, "notifier.poll_interval_sec": 0.2}


def run(script: str, *arguments: str, settings: dict[str, Any]) -> tuple[int, list[Any]]:
    """Run a console script; return its exit code and the findings that it wrote."""
    command = [str(console_script(script)), *arguments, "--json"]
    ran = subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, check=False
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def faults(findings: list[Any]) -> list[str]:
    return [one["check"] for one in findings if one["level"] == "fault"]


@pytest.mark.drill
def test_a_healthy_system_has_no_faults_and_a_sick_one_is_named(
    start_stack: Callable[..., Stack], amqp_url: str
) -> None:
    stack = start_stack(QUICK, amqp_url=amqp_url)
    code, found = run("secretary-doctor", settings=stack.settings)
    assert (code, faults(found)) == (0, [])
    named = {one["check"] for one in found}
    assert named >= {"mongo", "broker", "disk", "workers", "notifiers", "receivers", "keys"}

    command = ("doctor", "--url", stack.url, "--key", stack.keys.bootstrap)
    code, found = run("secretary", *command, settings={})
    assert (code, faults(found)) == (0, [])

    with stack.client() as admin:
        url = f"http://{HOST}:8080/hook"
        admin.http.post("/api/endpoints", json={"url": url}).raise_for_status()
        key = admin.http.post("/api/keys", json={"name": "a client"}).json()["data"]["key"]
    blocking = stack.settings | {
        "security.allow_networks": [],
        "api.pepper": "another pepper than that of the API",
    }
    code, found = run("secretary-doctor", settings=blocking)
    assert (code, sorted(faults(found))) == (1, ["keys.pepper_changed", "receiver.blocked"])

    code, found = run("secretary", "doctor", "--url", stack.url, "--key", key, settings={})
    assert (code, faults(found)) == (1, ["api.forbidden"])
    away = f"http://{HOST}:{free_port()}"
    code, found = run("secretary", "doctor", "--url", away, "--key", key, settings={})
    assert (code, faults(found)) == (1, ["api.unreachable"])
