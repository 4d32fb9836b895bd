"""A session that does not work is opened less and less often; only work resets the wait."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiormq.exceptions import ProbableAuthenticationError

from secretary_common.broker import connection
from secretary_common.broker.connection import BrokerLost, Worked, keep_connected


class Connection:
    """A connection that stays open."""

    async def closed(self) -> None:
        await asyncio.Event().wait()


class Ended(BaseException):
    """The test has seen enough."""


async def waits_of(
    monkeypatch: pytest.MonkeyPatch, outcomes: Sequence[Exception | None], *, connects: bool = True
) -> list[float]:
    """The waits after sessions that end with *outcomes*; None: a session worked and was lost."""
    waits: list[float] = []
    left = list(outcomes)

    @contextlib.asynccontextmanager
    async def connect(_: str) -> AsyncIterator[Any]:
        if not connects:
            raise left.pop(0) or OSError
        yield Connection()

    async def session(_: Any, worked: Worked) -> None:
        outcome = left.pop(0)
        if outcome is None:
            worked()
            raise BrokerLost("lost")
        raise outcome

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if not left:
            raise Ended

    monkeypatch.setattr(connection, "connection_to", connect)
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(Ended):
        await keep_connected("amqp://h", session, role="test")
    return waits


async def test_a_session_that_never_works_is_opened_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await waits_of(monkeypatch, [BrokerLost("x")] * 6) == [1, 2, 4, 5, 5, 5]


async def test_only_a_session_that_worked_shortens_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes = [OSError(), OSError(), None, OSError()]
    assert await waits_of(monkeypatch, outcomes) == [1, 2, 1, 2]


@pytest.mark.parametrize("connects", [True, False])
async def test_a_broker_that_refuses_is_tried_every_ten_seconds_and_logged_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, connects: bool
) -> None:
    refused = ProbableAuthenticationError("ACCESS_REFUSED")
    waits = await waits_of(monkeypatch, [refused] * 7, connects=connects)
    assert waits == [1, 2, 4, 8, 10, 10, 10]
    logged = [line.getMessage() for line in caplog.records]
    assert logged == ["broker.refused"]
