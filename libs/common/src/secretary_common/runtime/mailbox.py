"""Makes calls from other threads in one event loop. Many calls share one wake-up of the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from contextvars import Context

Call = Callable[[], None]

GATHER_SEC = 0.02
"""The delay for calls that are not urgent. Without it, each page that a handler reports would wake
the engine, which would then take the interpreter from the handler's thread."""


class Mailbox:
    """The calls that wait for one event loop. They are made in order, in an empty context."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[Call] = deque()
        self._later: deque[Call] = deque()
        self._is_woken = False
        self._wakes_after_turn = False
        self._is_timed = False

    def post(self, call: Call) -> None:
        """Make *call* in the loop, soon. Thread-safe. A closed loop does not make the call."""
        self._calls.append(call)
        if not self._is_woken:
            self._is_woken = True
            self._wake(self._make_calls)

    def post_in_turn(self, call: Call) -> None:
        """Make *call* after this turn of the caller's own loop; see ``post``.

        So the calls of a turn share a wake-up. Each wake-up hands the interpreter to the thread of
        the other loop, and the caller waits until it gets the interpreter back.
        """
        self._calls.append(call)
        if not (self._is_woken or self._wakes_after_turn):
            self._wakes_after_turn = True
            asyncio.get_running_loop().call_soon(self._end_turn, context=Context())

    def _end_turn(self) -> None:
        self._wakes_after_turn = False
        if self._calls and not self._is_woken:
            self._is_woken = True
            self._wake(self._make_calls)

    def post_later(self, call: Call) -> None:
        """Make *call* in the loop within ``GATHER_SEC``; see ``post``."""
        self._later.append(call)
        if not self._is_timed:
            self._is_timed = True
            self._wake(lambda: self._loop.call_later(GATHER_SEC, self._make_later_calls))

    def _wake(self, callback: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(callback, context=Context())

    def _make_calls(self) -> None:
        # Reset before the calls are read: a call that arrives later wakes the loop again.
        self._is_woken = False
        self._make(self._calls)

    def _make_later_calls(self) -> None:
        self._is_timed = False
        self._make(self._later)

    def _make(self, calls: deque[Call]) -> None:
        for _ in range(len(calls)):
            try:
                calls.popleft()()
            except Exception as error:  # noqa: BLE001 - one call must not stop the others
                self._loop.call_exception_handler(
                    {"message": "a posted call failed", "exception": error}
                )
