"""A stack starts what does not run, and nothing twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from secretary_devstack.processes.stack import Stack

PORTS = {
    "secretary-api": "SECRETARY_API__PORT",
    "secretary-notifier": "SECRETARY_NOTIFIER__HTTP_PORT",
    "secretary-worker": "SECRETARY_WORKER__HTTP_PORT",
}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Scripts in place of those of the services: each only answers that it is ready."""
    (tmp_path / "www" / "health").mkdir(parents=True)
    (tmp_path / "www" / "health" / "ready").write_text("{}")
    serve = f"exec {sys.executable} -m http.server --bind 127.0.0.1 --directory {tmp_path / 'www'}"
    lines = {name: f'{serve} "${port}"' for name, port in PORTS.items()}
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, line in {**lines, "secretary-init": "exit 0"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_second_start_starts_only_what_has_ended(tmp_path: Path, scripts: Path) -> None:
    stack = Stack(tmp_path / "stack", mongo_url="mongodb://nowhere")
    stack.use_scripts(scripts)
    with stack:
        api, notifier, worker = (service.child.pid for service in stack.services)
        stack.workers[0].kill()
        stack.start()
        again = [service.child.pid for service in stack.services]
    assert again[:2] == [api, notifier]
    assert again[2] != worker
