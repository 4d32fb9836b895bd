"""A task that is ended ends, though a library swallowed its cancellation."""

import asyncio

import pytest

from secretary_common.runtime import task as task_module
from secretary_common.runtime.lifecycle import running, unless_stopped
from secretary_common.runtime.task import end


@pytest.fixture(autouse=True)
def _again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_module, "CANCEL_AGAIN_SEC", 0.01)


async def hard_of_hearing() -> None:
    """As ``asyncio.wait_for`` does when the answer comes in the same turn of the loop."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


async def failing() -> None:
    await asyncio.sleep(0)
    raise ValueError("it failed")


async def test_a_swallowed_cancellation_is_repeated() -> None:
    task = asyncio.create_task(hard_of_hearing())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task)
    assert task.cancelled()


async def test_what_a_task_fails_with_is_not_raised() -> None:
    task = asyncio.create_task(failing())
    await asyncio.wait([task])
    await end(task)


async def test_what_runs_beside_ends_with_its_block() -> None:
    async with asyncio.timeout(10), running(hard_of_hearing()):
        await asyncio.sleep(0)


async def test_a_failure_ends_what_runs_beside_it() -> None:
    with pytest.raises(ValueError, match="it failed"):
        async with asyncio.timeout(10), running(hard_of_hearing(), failing()):
            await asyncio.Event().wait()


async def test_a_stop_ends_what_is_waited_for() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    async with asyncio.timeout(10):
        assert not await unless_stopped(stop, hard_of_hearing())
