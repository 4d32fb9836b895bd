"""A loop of a service survives every error of its rounds."""

import asyncio
import logging

import pytest

from secretary_common.errors import StoreUnavailable
from secretary_common.runtime.resilient_loop import (
    LOG_AGAIN_SEC,
    Failures,
    resilient_loop,
    until_done,
)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_loop_goes_on_after_any_error() -> None:
    stopping = asyncio.Event()
    errors: list[Exception] = [StoreUnavailable(), ValueError("a bug"), OSError("no descriptors")]
    seen: list[Exception] = []

    async def do_round() -> None:
        if errors:
            raise errors.pop(0)
        stopping.set()

    failures = Failures("test", first_wait_sec=0.001, longest_wait_sec=0.001)
    async with asyncio.timeout(5):
        await resilient_loop(
            "test", do_round, stopping=stopping, on_failure=seen.append, failures=failures
        )
    assert [type(error) for error in seen] == [StoreUnavailable, ValueError, OSError]


async def test_a_loop_that_waits_stops_at_once() -> None:
    stopping = asyncio.Event()

    async def do_round() -> None:
        asyncio.get_running_loop().call_later(0.01, stopping.set)

    async with asyncio.timeout(5):
        await resilient_loop("test", do_round, pause_sec=3600, stopping=stopping)


async def test_a_cancelled_loop_ends() -> None:
    looping = asyncio.create_task(resilient_loop("test", asyncio.Event().wait))
    await asyncio.sleep(0)
    looping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looping


def test_a_kind_of_error_is_logged_once_and_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    failures = Failures("test", monotonic=clock)
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            failures.record(StoreUnavailable())
        failures.record(ValueError())
        clock.seconds = LOG_AGAIN_SEC
        failures.record(StoreUnavailable())
        failures.end()
    lines = [(record.getMessage(), getattr(record, "fields", {})) for record in caplog.records]
    assert [event for event, _ in lines] == ["loop.failed"] * 3 + ["loop.recovered"]
    assert [fields.get("unlogged") for _, fields in lines] == [0, 0, 4, None]
    assert lines[-1][1]["failures"] == 7


def test_an_outage_is_asked_about_each_second_and_a_bug_less_and_less_often() -> None:
    failures = Failures("test", longest_wait_sec=5)
    assert [failures.record(StoreUnavailable()) for _ in range(5)] == [1.0] * 5
    failures.end()
    assert [failures.record(ValueError()) for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_loop_goes_on_after_hours_of_failures() -> None:
    failures = Failures("test", longest_wait_sec=5)
    for _ in range(2000):
        failures.record(StoreUnavailable())
    assert failures.record(ValueError()) == 5.0


async def test_a_loop_ends_whose_round_makes_another_error_of_its_cancellation() -> None:
    began = asyncio.Event()

    async def do_round() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise RuntimeError("Lock is not acquired") from error

    loop = asyncio.ensure_future(resilient_loop("test", do_round))
    await began.wait()
    loop.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await loop


async def test_work_is_repeated_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secretary_common.runtime.resilient_loop.FIRST_WAIT_SEC", 0.001)
    outcomes: list[Exception | None] = [StoreUnavailable(), None]

    async def work() -> None:
        if error := outcomes.pop(0):
            raise error

    async with asyncio.timeout(5):
        await until_done("test", work)
    assert not outcomes
