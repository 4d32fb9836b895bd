"""A child that has been taken over cannot break out of the sandbox."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import probe_child
from support.handler_harness import child_pids

from secretary_worker import AnswerLimits, ProcessLimits, Sandbox, ZygoteClient
from secretary_worker.sandbox import lockdown

pytestmark = pytest.mark.skipif(bool(lockdown.lacks()), reason="the kernel lacks a layer")

LIMITS, BOUNDS = ProcessLimits(memory_bytes=2**30, cpu_sec=5), AnswerLimits(timeout_sec=20)
SECRET = ctypes.create_string_buffer(b"geheim!")


@pytest.fixture(scope="module")
def zygote() -> Iterator[ZygoteClient]:
    """The zygote of a child that attacks."""
    client = ZygoteClient(probe_child.__name__)
    yield client
    client.close()


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def attempt(zygote: ZygoteClient, folder: Path, attack: str, port: int) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    (folder / "other").write_text("secret")
    (folder / "document").write_text("abc")
    zygote.start()
    request = {
        "attack": attack,
        "worker": os.getpid(),
        "zygote": zygote.pid,
        "folder": str(folder),
        "port": port,
        "address": ctypes.addressof(SECRET),
    }
    with (folder / "document").open("rb") as file:
        async with Sandbox(zygote, LIMITS, BOUNDS).child([file.fileno()]) as child:
            await child.ask(request, messages.append)
    return messages[0]


@pytest.fixture(autouse=True)
def local_socket(tmp_path: Path) -> Iterator[None]:
    """A local socket that accepts datagrams, as a system log has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        yield


@pytest.mark.parametrize("attack", sorted(set(probe_child.ATTACKS) - set(probe_child.USES)))
async def test_every_attack_of_a_child_fails(
    attack: str, zygote: ZygoteClient, tmp_path: Path, port: int
) -> None:
    assert not (await attempt(zygote, tmp_path, attack, port))["succeeded"]
    assert child_pids(zygote.pid) == [], "no process is left"


@pytest.mark.parametrize("use", sorted(probe_child.USES))
async def test_a_child_still_has_its_document_and_threads(
    use: str, zygote: ZygoteClient, tmp_path: Path, port: int
) -> None:
    assert (await attempt(zygote, tmp_path, use, port))["succeeded"]
