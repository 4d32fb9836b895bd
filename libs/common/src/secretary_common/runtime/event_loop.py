"""The event loop of a service: uvloop, whose turns cost a fraction of those of asyncio's own loop.

Only the main loop of a process is uvloop's. The loops in which handlers run stay asyncio's own,
because handlers are code of other people, which may rely on asyncio's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvloop


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run *main* to its end in a new event loop, as ``asyncio.run`` does."""
    # A loop factory and not an event loop policy: the policy would also change the handlers' loops.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
