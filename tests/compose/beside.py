"""Runs the application of examples/compose, a project of its own, beside Secretary."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import httpx
from compose.project import BUILD_SEC, ROOT, UP_SEC, JsonObject, Project, compose_command, run
from compose.usage import EXPECTED, curl
from support.scenario_report import expect, say

from secretary_devstack.deadline import wait_until
from secretary_devstack.servers.port import free_port

EXAMPLE = ROOT / "examples" / "compose"
NODE = "localhost/secretary-test-node"
# The public image of Node may not be reachable; Debian's Node can run the example too.
NODE_DOCKERFILE = """
FROM python:3.12-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs
"""
START_SEC, DOCUMENT_SEC = 60.0, 90.0


def run_beside_an_application(project: Project) -> None:
    """Let the application have a document read: its webhook arrives, under its own host name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Dockerfile").write_text(NODE_DOCKERFILE)
        project.docker("build", "--quiet", "--tag", NODE, str(folder))
    port = free_port()
    environment = {**project.env, **_settings(project, port)}
    identity = ("--project-directory", str(EXAMPLE), "-p", f"{project.name}-app")
    command = (*compose_command(), "-f", str(EXAMPLE / "docker-compose.yml"), *identity)
    try:
        run(*command, "build", timeout_sec=BUILD_SEC, env=environment)
        run(*command, "up", "-d", timeout_sec=UP_SEC, env=environment)
        _have_a_document_read(f"http://127.0.0.1:{port}")
    finally:
        run(*command, "down", "--rmi", "local", "--timeout", "10", env=environment)


def _settings(project: Project, port: int) -> dict[str, str]:
    body = json.dumps({"name": "the application", "scopes": ["submit", "read"]})
    return {
        "APP_ADDRESS": f"127.0.0.1:{port}",
        "NODE_IMAGE": NODE,
        "SECRETARY_KEY": curl(project, "/api/keys", "-X", "POST", "-d", body)["key"],
        "SECRETARY_NETWORK": f"{project.name}_default",
    }


def _have_a_document_read(url: str) -> None:
    def submitted() -> JsonObject | None:
        try:
            answer = httpx.post(f"{url}/documents/sample.pdf", timeout=30)
        except httpx.TransportError:
            return None
        expect(answer.is_success, f"the application answers {answer.text}")
        found: JsonObject = answer.json()
        return found

    job_id = wait_until(submitted, timeout_sec=START_SEC, what="the application")["job_id"]

    def told() -> JsonObject | None:
        document: JsonObject = httpx.get(f"{url}/documents/{job_id}", timeout=30).json()
        return document if document.get("phase") in ("completed", "failed") else None

    document = wait_until(told, timeout_sec=DOCUMENT_SEC, what="its webhook", every_sec=0.3)
    expect(document["phase"] == "completed", f"the application was told {document}")
    expect(EXPECTED in document["text"], "the application has not got the text")
    say(f"an application in Node got {len(document['text'])} characters by its webhook")
