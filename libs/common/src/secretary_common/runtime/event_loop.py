"""The event loop of a service: uvloop, whose turns cost a fraction of those of asyncio's own loop.

Only the main loop of a process is uvloop's. The loops in which handlers run stay asyncio's own,
because handlers are code of other people, which may rely on asyncio's loop.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import uvloop

ALLOCATIONS = 5_000
"""Python looks for garbage in cycles after so many new objects; its own default is 700."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run *main* to its end in a new event loop, as ``asyncio.run`` does."""
    _collect_less()
    # A loop factory and not an event loop policy: the policy would also change the handlers' loops.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def _collect_less() -> None:
    """Make the search for garbage in cycles cheaper.

    A service has hundreds of thousands of objects that live as long as the process: modules,
    classes, validators. Python would look through them again and again, which took about a tenth of
    the CPU of a small job.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
