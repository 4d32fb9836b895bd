"""A missing or silent container engine is detected within seconds, without leaks."""

from __future__ import annotations

import gc
import socket
import time
from pathlib import Path

import pytest

from secretary_devstack.servers import container


@pytest.mark.parametrize("listens", [False, True], ids=["missing", "silent"])
def test_without_an_engine_no_container_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, listens: bool
) -> None:
    address = str(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
    with socket.socket(socket.AF_UNIX) as engine:
        if listens:
            engine.bind(address)
            engine.listen()
        started = time.monotonic()
        assert not container.can_run(container.MONGO_IMAGE)
    assert time.monotonic() - started < 3 * container.ENGINE_SEC
    gc.collect()  # an open socket would cause a warning, which fails this test
