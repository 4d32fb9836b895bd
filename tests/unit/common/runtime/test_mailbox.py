"""Calls from other threads are made in one loop, in order; many share one wake-up."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, TypeVarTuple

from secretary_common.runtime.mailbox import GATHER_SEC, Mailbox

Ts = TypeVarTuple("Ts")

mark: ContextVar[str] = ContextVar("mark", default="none")


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts its wake-ups from other threads."""

    wakeups = 0

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *arguments: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self.wakeups += 1
        return super().call_soon_threadsafe(callback, *arguments, context=context)


def play(scene: Callable[[Mailbox, CountingLoop], Any]) -> None:
    loop = CountingLoop()
    try:
        loop.run_until_complete(scene(Mailbox(loop), loop))
    finally:
        loop.close()


def test_calls_of_a_moment_share_one_wake_up_and_keep_their_order() -> None:
    made: list[int] = []

    async def scene(mailbox: Mailbox, loop: CountingLoop) -> None:
        for number in range(50):
            mailbox.post(partial(made.append, number))
        assert made == []
        await asyncio.sleep(0)
        assert loop.wakeups == 1

    play(scene)
    assert made == list(range(50))


def test_calls_of_one_turn_share_a_wake_up_at_its_end() -> None:
    made: list[int] = []
    at_the_end: list[int] = []

    async def scene(mailbox: Mailbox, loop: CountingLoop) -> None:
        for number in range(50):
            loop.call_soon(mailbox.post_in_turn, partial(made.append, number))
        loop.call_soon(lambda: at_the_end.append(loop.wakeups))
        await asyncio.sleep(0.01)
        assert (len(made), loop.wakeups) == (50, 1)
        mailbox.post_in_turn(partial(made.append, 50))
        mailbox.post(partial(made.append, 51))  # does not wait for the end of the turn
        assert loop.wakeups == 2
        await asyncio.sleep(0.01)
        assert loop.wakeups == 2

    play(scene)
    assert made == list(range(52))
    assert at_the_end == [0]


def test_calls_that_are_not_urgent_gather_for_a_moment() -> None:
    made: list[str] = []

    async def scene(mailbox: Mailbox, loop: CountingLoop) -> None:
        for name in ("late", "later"):
            mailbox.post_later(partial(made.append, name))
        mailbox.post(lambda: made.append("soon"))
        await asyncio.sleep(0)
        assert made == ["soon"]
        await asyncio.sleep(2 * GATHER_SEC)
        assert loop.wakeups == 2

    play(scene)
    assert made == ["soon", "late", "later"]


def test_no_call_of_many_threads_is_lost() -> None:
    made: list[int] = []

    async def scene(mailbox: Mailbox, _: CountingLoop) -> None:
        def post_some(thread: int) -> None:
            for number in range(2000):
                mailbox.post(partial(made.append, thread * 2000 + number))

        await asyncio.gather(*(asyncio.to_thread(post_some, thread) for thread in range(4)))
        async with asyncio.timeout(10):
            while len(made) < 4 * 2000:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)

    play(scene)
    assert len(made) == 4 * 2000


def test_a_call_that_fails_stops_no_other_call_and_is_reported() -> None:
    made: list[str] = []
    reported: list[str] = []

    async def scene(mailbox: Mailbox, loop: CountingLoop) -> None:
        loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))

        def fail() -> None:
            raise ValueError("enough")

        mailbox.post(fail)
        mailbox.post(lambda: made.append("after"))
        await asyncio.sleep(0)

    play(scene)
    assert (made, reported) == (["after"], ["enough"])


def test_a_call_has_nothing_of_the_context_of_another_one() -> None:
    seen: list[str] = []

    async def scene(mailbox: Mailbox, _: CountingLoop) -> None:
        mark.set("poster")
        mailbox.post(lambda: seen.append(mark.get()))
        await asyncio.sleep(0)

    play(scene)
    assert seen == ["none"]


def test_a_closed_loop_makes_no_call_and_raises_nothing() -> None:
    loop = asyncio.new_event_loop()
    mailbox = Mailbox(loop)
    loop.close()
    posting = threading.Thread(target=mailbox.post, args=(print,))
    posting.start()
    posting.join()
    mailbox.post_later(print)
