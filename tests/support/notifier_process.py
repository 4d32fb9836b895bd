"""The notifier as a process, for tests that stop and kill it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from support.notifier_harness import KEY, NotifierHarness

COMMAND = (sys.executable, "-c", "from secretary_notifier.main import main; main()")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(harness: NotifierHarness | None = None, **values: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if "SECRETARY_" not in name}
    mongo = harness.settings().mongo if harness else None
    if mongo:
        ours |= {"SECRETARY_MONGO__URL": mongo.url, "SECRETARY_MONGO__DATABASE": mongo.database}
    defaults = {
        "SECRETARY_SECURITY__ENCRYPTION_KEYS": f'["{KEY.get_secret_value()}"]',
        "SECRETARY_SECURITY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        "SECRETARY_NOTIFIER__POLL_INTERVAL_SEC": "0.2",
        "SECRETARY_NOTIFIER__TIMEOUT_SEC": "5",
        "SECRETARY_NOTIFIER__HTTP_PORT": "0",
    }
    return {**ours, **defaults, **values}


@asynccontextmanager
async def process(env: dict[str, str]) -> AsyncIterator[Process]:
    running = await asyncio.create_subprocess_exec(*COMMAND, env=env, stderr=PIPE)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.communicate()


async def stderr_line(running: Process, event: str, within: float = 60) -> str:
    assert running.stderr is not None
    async with asyncio.timeout(within):
        while line := (await running.stderr.readline()).decode():
            if event in line:
                return line
    raise AssertionError(f"it ended without {event}")
