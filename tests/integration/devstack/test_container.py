"""A missing or silent container engine is detected at its deadline, without leaks."""

from __future__ import annotations

import gc
import socket
from pathlib import Path

import pytest

from secretary_devstack.servers import container


@pytest.mark.parametrize("listens", [False, True], ids=["missing", "silent"])
def test_without_an_engine_no_container_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, listens: bool
) -> None:
    address = str(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
    monkeypatch.setattr(container, "ENGINE_SEC", 0.5)
    waited: list[float | None] = []
    connect = socket.socket.connect

    def observe(self: socket.socket, target: object) -> None:
        waited.append(self.gettimeout())
        connect(self, target)  # type: ignore[arg-type]  # the address of any family

    monkeypatch.setattr(socket.socket, "connect", observe)
    with socket.socket(socket.AF_UNIX) as engine:
        if listens:
            engine.bind(address)
            engine.listen()
        assert not container.can_run(container.MONGO_IMAGE)
    assert set(waited) == {0.5}
    gc.collect()  # an open socket would cause a warning, which fails this test
