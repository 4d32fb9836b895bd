"""The event loop that all handlers share, in a thread of its own.

The engine (claims, leases, writes) runs on the main loop. So it renews leases even while a handler
blocks the handlers' loop. Handlers share one loop as long as the loop answers, because objects that
their modules make at import (locks, clients) are bound to one loop. If the loop is blocked when a
job must start, the job starts in a new loop.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from secretary_common.runtime.log import get_logger
from secretary_common.runtime.mailbox import Mailbox
from secretary_worker.watchdog.marks import MarkedExecutor, Marks

log = get_logger(__name__)

PATIENCE_SEC = 5.0
"""If the loop is silent for longer, a job that must start gets a new loop."""
STUCK_SEC = 1.0
"""If a handler ignores its cancellation and the loop is silent for longer, the loop is replaced."""


class _Ticket:
    """Two threads try to take a ticket; one of them succeeds."""

    def __init__(self) -> None:
        self._left = [None]

    def take(self) -> bool:
        """Take the ticket; return False if it is taken already."""
        try:
            self._left.pop()  # atomic
        except IndexError:
            return False
        return True


class HandlerRun:
    """One run of a handler: not begun, under way or ended. Only the engine's loop calls it."""

    def __init__(self, handler: Coroutine[Any, Any, None], mailbox: Mailbox) -> None:
        """*mailbox* is the mailbox of the engine's loop."""
        self._handler = handler
        self._mailbox = mailbox
        self._context = copy_context()  # log lines of the handler name the job
        self._thread: LoopThread | None = None
        self._task: asyncio.Task[None] | None = None
        self._ticket = _Ticket()
        """Decides a race: the loop's thread takes the ticket to begin the run, and the engine's
        thread takes it to withdraw the run."""
        self.began_at: float | None = None
        """When the run began, in monotonic seconds."""
        self.ended: asyncio.Future[BaseException | None] = (
            asyncio.get_running_loop().create_future()
        )
        """Resolved when the handler has ended, with the exception that it raised, or with None."""

    def post_to(self, thread: LoopThread) -> None:
        """Begin in *thread*, as soon as its loop answers."""
        ticket = _Ticket()
        self._thread, self._ticket = thread, ticket
        # A copy: two threads cannot use one context, and an earlier thread may still have a task.
        context = self._context.copy()
        thread.post_in_turn(lambda: thread.start(self._run(ticket), context))

    def withdraw(self) -> bool:
        """Take the run back, for another thread. Return False if it has begun or is cancelled."""
        return self._ticket.take()

    def left_of(self, timeout_sec: float) -> float:
        """Return how much is left of *timeout_sec*, which begins when the run begins."""
        began_at = self.began_at
        return timeout_sec if began_at is None else began_at + timeout_sec - time.monotonic()

    def cancel(self) -> None:
        """Raise ``CancelledError`` in the handler at its next await.

        A run that has not begun never begins. ``ended`` shows the outcome.
        """
        if self._ticket.take():
            self._handler.close()
            self._end(asyncio.CancelledError())
        elif self._thread:
            self._thread.post(self._cancel)

    def is_in(self, thread: LoopThread) -> bool:
        """Return whether the run was put into *thread*."""
        return self._thread is thread

    async def _run(self, ticket: _Ticket) -> None:
        """Run the handler. The run has begun once the loop runs this coroutine."""
        if not ticket.take():
            return  # withdrawn
        self._task = asyncio.current_task()
        self.began_at = time.monotonic()
        raised: BaseException | None = None
        try:
            await self._handler
        except BaseException as error:  # noqa: BLE001 - also SystemExit ends only the handler
            raised = error
        self._mailbox.post(partial(self._end, raised))

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _end(self, raised: BaseException | None) -> None:
        if not self.ended.done():
            self.ended.set_result(raised)


class LoopThread:
    """An event loop in a daemon thread. It measures for how long the loop does not answer."""

    def __init__(self, marks: Marks) -> None:
        """*marks* record which job's code the loop runs."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(marks.make_task)
        self._loop.set_default_executor(MarkedExecutor(marks))
        self._mailbox = Mailbox(self._loop)
        self._asked_at: float | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._retired = False
        self._may_stop = False
        self._thread = threading.Thread(target=self._run, name="handlers", daemon=True)
        self._thread.start()

    @property
    def silent_sec(self) -> float:
        """The seconds for which the loop has not made a posted call; 0 if it has made all calls."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else time.monotonic() - asked_at

    def post(self, call: Callable[[], None]) -> None:
        """Make *call* in the loop. A loop that has stopped does not make the call."""
        self._mailbox.post(self._asked(call))

    def post_in_turn(self, call: Callable[[], None]) -> None:
        """Make *call* after this turn of the caller's loop; see ``Mailbox.post_in_turn``."""
        self._mailbox.post_in_turn(self._asked(call))

    def _asked(self, call: Callable[[], None]) -> Callable[[], None]:
        """Return *call* with a note that the loop has answered."""

        def answer() -> None:
            self._asked_at = None
            call()

        if self._asked_at is None:
            self._asked_at = time.monotonic()
        return answer

    def start(self, work: Coroutine[Any, Any, None], context: Context) -> None:
        """Run *work* in a task, in *context*. Call this method inside the loop."""
        task = self._loop.create_task(work, context=context)
        self._under_way.add(task)
        task.add_done_callback(self._remove)

    def retire(self) -> None:
        """Stop the loop once its handlers have ended. They continue if the loop answers again."""
        self.post(self._retire)

    def stop(self, timeout_sec: float) -> bool:
        """Stop the loop now. Return False if the loop is still blocked after *timeout_sec*."""
        self.post(self._stop)
        self._thread.join(timeout_sec)
        return not self._thread.is_alive()

    def stack(self) -> str:
        """Return the stack of the loop's thread."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 - documented API
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _retire(self) -> None:
        self._retired = True
        self._stop_if_done()

    def _remove(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if self._retired and not self._under_way:
            self._loop.call_soon(self._stop)  # after the callbacks of the task that ended

    def _stop(self) -> None:
        self._may_stop = True
        self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._run_until_stopped()
            self._cancel_leftovers()
        finally:
            self._loop.close()

    def _run_until_stopped(self) -> None:
        """Run the loop, and run it again if a handler stops it or raises ``SystemExit``."""
        while not self._may_stop:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                log.warning("handler_loop.exit_ignored", error=repr(error))
            else:
                if not self._may_stop:
                    log.warning("handler_loop.stop_ignored")

    def _cancel_leftovers(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())


class HandlerLoop:
    """The loop in which new jobs start, and the blocked loops that were replaced."""

    def __init__(self, *, patience_sec: float = PATIENCE_SEC) -> None:
        self.marks = Marks()
        self._patience_sec = patience_sec
        self._current = LoopThread(self.marks)
        self._replaced: list[LoopThread] = []

    @property
    def silent_sec(self) -> float:
        """The seconds for which the loop of new jobs has not answered."""
        return self._current.silent_sec

    def start(self, run: HandlerRun) -> None:
        """Begin *run* in the shared loop, soon. If that loop is blocked, replace it by a new loop.

        Only the engine's loop may call this method.
        """
        thread = self._current
        patience_sec = max(self._patience_sec - thread.silent_sec, 0.0)
        run.post_to(thread)
        loop = asyncio.get_running_loop()
        check = loop.call_later(patience_sec, self._move, run, thread)
        run.ended.add_done_callback(lambda _: check.cancel())

    def _move(self, run: HandlerRun, thread: LoopThread) -> None:
        """Begin *run* in a new loop if it has not begun in *thread*."""
        if run.withdraw():
            self._replace(thread)
            self.start(run)

    def replace_blocked_loop(self, run: HandlerRun) -> None:
        """Replace the shared loop if *run*, which ignored its cancellation, blocks this loop."""
        if run.is_in(self._current) and self._current.silent_sec > STUCK_SEC:
            self._replace(self._current)

    def close(self, timeout_sec: float) -> bool:
        """Stop all loops. Wait *timeout_sec* for the shared loop. False: a loop is blocked."""
        blocked = [one for one in self._replaced if not one.stop(0.0)]
        return self._current.stop(timeout_sec) and not blocked

    def _replace(self, stuck: LoopThread) -> None:
        if stuck is not self._current:  # another start has replaced it
            return
        log.warning(
            "handler_loop.replaced",
            silent_sec=round(stuck.silent_sec, 1),
            blocked_at=stuck.stack(),
        )
        stuck.retire()
        self._replaced.append(stuck)
        self._current = LoopThread(self.marks)
