"""A channel that the broker left half open is closed, and the next try begins again."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from secretary_common.broker import quick_consumer
from secretary_common.broker.queue_access import CHECK_AGAIN_SEC, QueueAccess
from secretary_common.broker.quick_consumer import QuickConsumer

QUEUES = ["secretary.jobs.a", "secretary.jobs.b"]


class Broker:
    """A broker that answers the requests to consume as told, the first channel first."""

    def __init__(self, *answers: list[Exception | None]) -> None:
        self.channels = [self._channel(left) for left in answers]
        self.connection = MagicMock(channel=AsyncMock(side_effect=self.channels))

    @staticmethod
    def _channel(answers: list[Exception | None]) -> MagicMock:
        channel = MagicMock(is_closed=False, close=AsyncMock())
        channel.get_underlay_channel = AsyncMock(return_value=MagicMock())
        consume = AsyncMock(side_effect=answers)
        channel.get_queue = AsyncMock(return_value=MagicMock(consume=consume))
        channel.consume = consume
        return channel


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, as the only item; each queue can be opened."""
    now = [1000.0]
    monkeypatch.setattr(quick_consumer, "time", MagicMock(monotonic=lambda: now[0]))

    async def opened(*_: Any) -> bool:
        return True

    monkeypatch.setattr(QueueAccess, "open", opened)
    return now


@pytest.mark.parametrize("fault", [TimeoutError("no answer"), ConnectionError("lost")])
async def test_a_channel_without_all_its_consumers_is_closed_and_opened_again(
    seconds: list[float], fault: Exception
) -> None:
    broker = Broker([None, fault], [None, None])
    consumer = QuickConsumer(QUEUES, AsyncMock())
    await consumer.open(broker.connection)
    broker.channels[0].close.assert_awaited_once()
    seconds[0] += CHECK_AGAIN_SEC
    await consumer.open(broker.connection)
    assert broker.channels[1].consume.await_count == len(QUEUES)


async def test_a_channel_with_all_its_consumers_is_kept(seconds: list[float]) -> None:
    broker = Broker([None, None])
    consumer = QuickConsumer(QUEUES, AsyncMock())
    await consumer.open(broker.connection)
    seconds[0] += CHECK_AGAIN_SEC
    await consumer.open(broker.connection)
    broker.channels[0].close.assert_not_awaited()
    assert broker.connection.channel.await_count == 1
