from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from secretary_common.mongo import store as store_module
from secretary_common.mongo.store import Store
from secretary_common.runtime.clock import ServerClock

SERVER_TIME = datetime(2030, 1, 1, tzinfo=UTC)


class SlowServer:
    """A MongoDB whose answers take the given seconds, one after the other, then no time."""

    def __init__(self, *answers_sec: float) -> None:
        self._answers_sec = list(answers_sec)
        self.seconds = 1000.0
        self.asked = 0

    def monotonic(self) -> float:
        return self.seconds

    async def command(self, _name: str) -> dict[str, Any]:
        self.asked += 1
        self.seconds += self._answers_sec.pop(0) if self._answers_sec else 0.0
        return {"isWritablePrimary": True, "localTime": SERVER_TIME}


def store_of(server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that asks *server* and has its clock."""
    monkeypatch.setattr(store_module, "time", SimpleNamespace(monotonic=server.monotonic))
    client = MagicMock()
    client.command = server.command
    store = Store(client)
    store.clock = ServerClock(server.monotonic)
    return store


async def test_the_time_is_read_again_after_a_slow_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SlowServer(0.05, 0.03, 0.003)
    store = store_of(server, monkeypatch)
    await store.ping()
    assert server.asked == 3
    assert store.clock.error_sec() == pytest.approx(0.0015)


async def test_an_exact_answer_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SlowServer(0.001)
    await store_of(server, monkeypatch).ping()
    assert server.asked == 1


async def test_a_server_that_is_always_slow_is_asked_five_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = SlowServer(*[0.5] * 9)
    await store_of(server, monkeypatch).ping()
    assert server.asked == 5
