"""Writes in the background resolve the future of their caller, whatever becomes of them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from secretary_common.errors import StaleClaim
from secretary_worker.attempt.background import BackgroundWrites, Write


async def once(write: Write) -> bool:
    await write()
    return True


async def test_a_write_that_is_cancelled_before_it_begins_releases_its_caller_and_its_source() -> (
    None
):
    writes, done, closed = BackgroundWrites(once), Future[None](), list[bool]()
    writes.start(lambda: asyncio.sleep(60), done, lambda: closed.append(True))
    await writes.cancel()
    assert isinstance(done.exception(0), StaleClaim)
    assert closed == [True]
    assert not writes.is_busy


async def test_a_write_that_is_cancelled_under_way_releases_its_caller_and_its_source() -> None:
    writes, done, closed = BackgroundWrites(once), Future[None](), list[bool]()
    writes.start(lambda: asyncio.sleep(60), done, lambda: closed.append(True))
    await asyncio.sleep(0)
    await writes.cancel()
    assert isinstance(done.exception(0), StaleClaim)
    assert closed == [True]
