import asyncio

import pytest

from secretary_common.lifecycle import Background, running, unless_stopped


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("half of the service is gone")


async def test_what_runs_beside_is_cancelled_at_the_end() -> None:
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


async def test_a_service_does_not_go_on_with_half_of_itself() -> None:
    with pytest.raises(ValueError, match="half of the service"):
        async with running(forever(), fail()):
            await forever()


async def test_an_error_inside_passes_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with running(forever()):
            raise KeyError


async def test_waiting_ends_when_told_to_stop() -> None:
    stop = asyncio.Event()
    assert await unless_stopped(stop, asyncio.sleep(0))
    stop.set()
    assert not await unless_stopped(stop, forever())
    with pytest.raises(ValueError, match="half"):
        await unless_stopped(asyncio.Event(), fail())


async def test_background_work_is_finished() -> None:
    done: list[int] = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    background = Background()
    background.start(work())
    await background.finish()
    assert done == [1]
