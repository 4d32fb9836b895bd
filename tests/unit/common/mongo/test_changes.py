"""A change stream is closed whatever its reader was doing."""

from __future__ import annotations

import asyncio
import contextlib

from secretary_common.mongo.driver.changes import Changes


class Stream:
    """Stands in for the driver's stream: a read ends when *answers* is set."""

    def __init__(self) -> None:
        self.is_read, self.answers = asyncio.Event(), asyncio.Event()
        self.is_closed = False

    async def try_next(self) -> None:
        self.is_read.set()
        await self.answers.wait()
        assert not self.is_closed

    async def close(self) -> None:
        self.is_closed = True


async def test_a_stream_is_closed_after_the_read_that_its_cancelled_caller_left_behind() -> None:
    stream = Stream()

    async def opened() -> Stream:
        return stream

    changes = Changes(opened)
    reading = asyncio.ensure_future(changes.try_next())
    await stream.is_read.wait()
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    closing = asyncio.ensure_future(changes.close())
    await asyncio.sleep(0)
    stream.answers.set()
    await closing
    assert stream.is_closed


async def test_a_stream_that_opens_after_its_caller_was_cancelled_is_closed() -> None:
    stream, may_open = Stream(), asyncio.Event()
    stream.answers.set()

    async def opened() -> Stream:
        await may_open.wait()
        return stream

    changes = Changes(opened)
    reading = asyncio.ensure_future(changes.try_next())
    await asyncio.sleep(0)
    reading.cancel()
    closing = asyncio.ensure_future(changes.close())
    await asyncio.sleep(0)
    may_open.set()
    await closing
    assert stream.is_closed


async def test_a_stream_that_was_never_read_needs_no_end() -> None:
    async def opened() -> Stream:
        raise AssertionError("opened")

    await Changes(opened).close()
