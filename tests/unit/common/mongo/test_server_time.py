"""How exactly a process knows MongoDB's time."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.server_time import ServerTime
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


async def synchronised(server: SlowServer) -> ServerClock:
    """A clock that was synchronised with *server* once."""
    clock = ServerClock(server.monotonic)
    await ServerTime(cast("DatabaseClient", server), clock, server.monotonic).synchronise()
    return clock


async def test_the_time_is_read_again_after_a_slow_answer() -> None:
    server = SlowServer(0.05, 0.03, 0.003)
    clock = await synchronised(server)
    assert server.asked == 3
    assert clock.error_sec() == pytest.approx(0.0015)


async def test_an_exact_answer_is_enough() -> None:
    server = SlowServer(0.001)
    await synchronised(server)
    assert server.asked == 1


async def test_a_server_that_is_always_slow_is_asked_five_times() -> None:
    server = SlowServer(*[0.5] * 9)
    await synchronised(server)
    assert server.asked == 5
