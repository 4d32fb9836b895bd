"""Operations of the driver go on to their end, also after their caller was cancelled.

Before Python 3.12, ``asyncio.wait_for`` returns at a second cancellation before its work has ended.
PyMongo waits for a server by ``wait_for`` under a lock. Two cancellations then leave the lock taken
for ever, and no later operation of the client returns. So the driver is never cancelled. What is
left behind ends at the deadline of an operation.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_under_way: set[asyncio.Task[Any]] = set()
"""The loop itself keeps only weak references to tasks."""


def to_the_end(
    operation: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return *operation*; a cancellation of its caller does not reach it."""

    @functools.wraps(operation)
    async def going_on(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.get_running_loop().create_task(operation(*args, **kwargs))
        _under_way.add(task)
        task.add_done_callback(_end)
        return await asyncio.shield(task)

    return going_on


def _end(task: asyncio.Task[Any]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()  # else asyncio logs the error of an operation that was left behind
