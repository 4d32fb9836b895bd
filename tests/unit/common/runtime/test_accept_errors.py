"""A server without descriptors logs once a minute that it cannot accept connections."""

import asyncio
import errno
import logging

import pytest

from secretary_common.runtime.accept_errors import LOG_AGAIN_SEC, AcceptErrors


async def test_errors_of_accept_are_logged_once_a_minute_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seconds = 0.0
    loop = asyncio.get_running_loop()
    AcceptErrors(monotonic=lambda: seconds).watch(loop)
    context = {
        "message": "socket.accept() out of system resource",
        "exception": OSError(errno.EMFILE, "Too many open files"),
    }
    with caplog.at_level(logging.INFO):
        for _ in range(5000):
            loop.call_exception_handler(context)
        seconds = LOG_AGAIN_SEC
        loop.call_exception_handler(context)
    unlogged = [vars(record)["fields"]["unlogged"] for record in caplog.records]
    assert unlogged == [0, 4999]


async def test_other_errors_of_the_loop_are_logged_by_asyncio(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    AcceptErrors().watch(loop)
    loop.call_exception_handler({"message": "a task failed", "exception": ValueError("a bug")})
    assert [record.name for record in caplog.records] == ["asyncio"]
