"""Ending tasks for sure."""

from __future__ import annotations

import asyncio
from typing import Any

CANCEL_AGAIN_SEC = 10.0
"""Longer than any task here takes to clean up after itself."""


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel *tasks* and return when they have ended; what they end with is nobody's concern.

    Once is not enough: before Python 3.12 ``asyncio.wait_for`` swallows a cancellation that comes
    in the same turn of the loop as what it waits for, and the AMQP client waits so for each answer.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_SEC)
    await asyncio.gather(*tasks, return_exceptions=True)
