import asyncio
import signal
import subprocess
import sys

import pytest

from secretary_common.runtime import lifecycle
from secretary_common.runtime.lifecycle import (
    Background,
    cancel_and_wait,
    running,
    unless_stopped,
)


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("half of the service is gone")


async def test_background_work_is_cancelled_at_the_end_of_the_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await forever()
        finally:
            ended.set()

    async with running(work()):
        await asyncio.sleep(0)
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_service_stops_when_a_part_of_it_fails() -> None:
    with pytest.raises(ValueError, match="half of the service"):
        async with running(forever(), fail()):
            await forever()


async def test_an_error_in_the_block_is_raised_unchanged() -> None:
    with pytest.raises(KeyError):
        async with running(forever()):
            raise KeyError


async def test_waiting_ends_when_the_service_stops() -> None:
    stop = asyncio.Event()
    assert await unless_stopped(stop, asyncio.sleep(0))
    stop.set()
    assert not await unless_stopped(stop, forever())
    with pytest.raises(ValueError, match="half"):
        await unless_stopped(asyncio.Event(), fail())


async def test_finish_waits_for_background_work() -> None:
    done: list[int] = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    background = Background()
    background.start(work())
    await background.finish()
    assert done == [1]


STUBBORN = """
import asyncio, concurrent.futures, time
from secretary_common.runtime.lifecycle import end_within, stop_signal

async def work():
    stop = stop_signal()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep({drain})

asyncio.run(work())
concurrent.futures.ThreadPoolExecutor().submit(time.sleep, 60)
end_within(0.3)
"""


def stubborn(drain: float) -> subprocess.Popen[str]:
    """Start a process that needs *drain* seconds to stop and leaves a running thread."""
    script = STUBBORN.format(drain=drain)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopping\n"
    return process


def test_the_second_sigterm_ends_the_process_at_once() -> None:
    with stubborn(drain=60) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM


def test_a_running_thread_does_not_keep_the_process_alive() -> None:
    with stubborn(drain=0) as process:
        assert process.wait(30) == 0  # the thread sleeps for 60 s


@pytest.fixture(autouse=True)
def _short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "CANCEL_AGAIN_SEC", 0.01)


async def swallow_one_cancellation() -> None:
    """Behave as ``asyncio.wait_for`` does when its result arrives in the same turn of the loop."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


async def failing() -> None:
    await asyncio.sleep(0)
    raise ValueError("it failed")


async def test_a_swallowed_cancellation_is_repeated() -> None:
    task = asyncio.create_task(swallow_one_cancellation())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await cancel_and_wait(task)
    assert task.cancelled()


async def test_the_error_of_a_cancelled_task_is_not_raised() -> None:
    task = asyncio.create_task(failing())
    await asyncio.wait([task])
    await cancel_and_wait(task)


async def test_a_task_that_swallows_a_cancellation_ends_with_its_block() -> None:
    async with asyncio.timeout(10), running(swallow_one_cancellation()):
        await asyncio.sleep(0)


async def test_a_failure_ends_a_task_that_swallows_a_cancellation() -> None:
    with pytest.raises(ValueError, match="it failed"):
        async with asyncio.timeout(10), running(swallow_one_cancellation(), failing()):
            await asyncio.Event().wait()


async def test_a_stop_ends_work_that_swallows_a_cancellation() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    async with asyncio.timeout(10):
        assert not await unless_stopped(stop, swallow_one_cancellation())
