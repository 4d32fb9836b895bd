"""The event loop all handlers share: in a thread of its own, so one that blocks it harms itself.

The engine (claims, leases, writes) stays on the main loop and goes on renewing leases meanwhile.
There is one loop for all as long as it answers, because what handlers' modules make at import
(locks, clients) is bound to it. One that is blocked for too long is left to itself and replaced: no
job starts in a loop that does not answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from secretary_common.runtime.log import get_logger
from secretary_worker.watchdog.marks import MarkedExecutor, Marks

log = get_logger(__name__)

PATIENCE_SEC = 5.0
"""How long the loop may be silent before a job that is to start gets a new one."""
STUCK_SEC = 1.0
"""How long it must be silent to be taken for stuck by a handler that would not be stopped."""


class HandlerRun:
    """One handler on its way: to begin, under way, or ended."""

    def __init__(self, handler: Coroutine[Any, Any, None]) -> None:
        self._handler = handler
        self._thread: LoopThread | None = None
        self._task: asyncio.Task[None] | None = None
        self._ticket: Future[None] = Future()
        """Who is first wins: the loop's thread that begins, or the engine's that withdraws."""
        self.ended: Future[BaseException | None] = Future()
        """Set when the handler has really ended: to what it raised, or None."""

    async def begins_in(self, thread: LoopThread, within_sec: float) -> bool:
        """Put it into *thread*; False if that did not take it up in time: it is withdrawn then."""
        ticket: Future[None] = Future()
        self._thread, self._ticket = thread, ticket
        thread.post(lambda: thread.start(self._run(ticket)))
        try:
            await asyncio.wait({asyncio.wrap_future(ticket)}, timeout=within_sec)
        finally:
            withdrawn = ticket.cancel()
        return not withdrawn

    def cancel(self) -> None:
        """Raise ``CancelledError`` in the handler at its next await; ``ended`` tells the rest.

        One that has not begun never will.
        """
        if self._ticket.cancel():
            self._handler.close()
            self.ended.set_result(asyncio.CancelledError())
        elif self._thread:
            self._thread.post(self._cancel)

    def is_in(self, thread: LoopThread) -> bool:
        """Whether *thread* is where it was put."""
        return self._thread is thread

    async def _run(self, ticket: Future[None]) -> None:
        """The handler, in its task: begun only once this takes its first step."""
        if not ticket.set_running_or_notify_cancel():
            return  # withdrawn
        self._task = asyncio.current_task()
        ticket.set_result(None)
        raised: BaseException | None = None
        try:
            await self._handler
        except BaseException as error:  # noqa: BLE001 - SystemExit too is the handler's own affair
            raised = error
        self.ended.set_result(raised)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()


class LoopThread:
    """An event loop running in a daemon thread, and how long it has been silent."""

    def __init__(self, marks: Marks) -> None:
        """*marks* note whose code it runs."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(marks.make_task)
        self._loop.set_default_executor(MarkedExecutor(marks))
        self._asked_at: float | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._retired = False
        self._thread = threading.Thread(target=self._run, name="handlers", daemon=True)
        self._thread.start()

    @property
    def silent_sec(self) -> float:
        """For how long it has owed an answer, in seconds; 0: it owes none."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else time.monotonic() - asked_at

    def post(self, call: Callable[[], None]) -> None:
        """Have the loop make *call*; one that has stopped makes none."""

        def answer() -> None:
            self._asked_at = None
            call()

        if self._asked_at is None:
            self._asked_at = time.monotonic()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(answer)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work*; from inside the loop."""
        task = self._loop.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._count_off)

    def retire(self) -> None:
        """Stop once the handlers in it have ended: they go on should it come free."""
        self.post(self._retire)

    def stop(self, timeout_sec: float) -> bool:
        """Stop now; False if it is still blocked after *timeout_sec*."""
        self.post(self._loop.stop)
        self._thread.join(timeout_sec)
        return not self._thread.is_alive()

    def stack(self) -> str:
        """What its thread is doing just now."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - documented so
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _retire(self) -> None:
        self._retired = True
        self._stop_if_done()

    def _count_off(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if self._retired and not self._under_way:
            self._loop.call_soon(self._loop.stop)  # after the callbacks of the task that ended

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._cancel_leftovers()
        finally:
            self._loop.close()

    def _cancel_leftovers(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())


class HandlerLoop:
    """The loop that new jobs start in, and those it had to leave behind."""

    def __init__(self, *, patience_sec: float = PATIENCE_SEC) -> None:
        self.marks = Marks()
        self._patience_sec = patience_sec
        self._current = LoopThread(self.marks)
        self._left_behind: list[LoopThread] = []

    async def start(self, run: HandlerRun) -> None:
        """Return when *run* has begun: in the shared loop, or in a new one if that is stuck.

        Should this be cancelled, *run* has begun, or never will once it is cancelled too.
        """
        while True:
            thread = self._current
            patience = self._patience_sec - thread.silent_sec
            if await run.begins_in(thread, max(patience, 0.0)):
                return
            self._replace(thread)

    def leave_behind(self, run: HandlerRun) -> None:
        """*run* would not be stopped: if it blocks the shared loop, that is replaced at once."""
        if run.is_in(self._current) and self._current.silent_sec > STUCK_SEC:
            self._replace(self._current)

    def close(self, timeout_sec: float) -> bool:
        """Stop; False if a handler still blocks a loop after *timeout_sec*: it is left behind."""
        blocked = [one for one in self._left_behind if not one.stop(0.0)]
        return self._current.stop(timeout_sec) and not blocked

    def _replace(self, stuck: LoopThread) -> None:
        if stuck is not self._current:  # another start did so meanwhile
            return
        log.warning(
            "handler_loop.replaced",
            silent_sec=round(stuck.silent_sec, 1),
            blocked_at=stuck.stack(),
        )
        stuck.retire()
        self._left_behind.append(stuck)
        self._current = LoopThread(self.marks)
