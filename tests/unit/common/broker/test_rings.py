"""Which rings of a queue share messages, and which are quick."""

from __future__ import annotations

import asyncio

from secretary_common.broker.rings import QUIET_SEC, Rings


class Sent:
    """Records the doorbells that are sent, in their order."""

    def __init__(self, *, quick_works: bool = True) -> None:
        self.seconds = 100.0
        self.quick_works = quick_works
        self.sent: list[str] = []
        self.was_quick, self.was_stored = asyncio.Event(), asyncio.Event()
        self.rings = Rings(self._send_quickly, self._send, monotonic=lambda: self.seconds)

    async def _send_quickly(self, one: str) -> bool:
        self.sent += [f"quick {one}"] if self.quick_works else []
        self.was_quick.set()
        return self.quick_works

    async def _send(self, ids: list[str], /, *, quick: bool) -> list[bool]:
        self.sent.append(" ".join(["after quick" if quick else "only", *ids]))
        self.was_stored.set()
        return [True] * len(ids)


async def test_a_single_ring_is_quick_and_then_stored() -> None:
    harness = Sent()
    assert await harness.rings.ring("a")
    assert harness.sent == ["quick a", "after quick a"]


async def test_the_ring_of_an_announced_event_is_not_quick_again() -> None:
    harness = Sent()
    assert await harness.rings.ring("a", announced=True)
    assert harness.sent == ["after quick a"]


async def test_rings_of_a_moment_share_one_stored_doorbell() -> None:
    harness = Sent()
    assert await asyncio.gather(*(harness.rings.ring(one) for one in "abc")) == [True] * 3
    assert harness.sent == ["only a b c"]


async def test_a_ring_soon_after_another_is_not_quick() -> None:
    harness = Sent()
    await harness.rings.ring("a")
    harness.seconds += QUIET_SEC / 2
    await harness.rings.ring("b")
    assert harness.sent[2:] == ["only b"]


async def test_without_a_quick_doorbell_a_single_ring_is_stored_at_once() -> None:
    harness = Sent(quick_works=False)
    assert await harness.rings.ring("a")
    assert harness.sent == ["only a"]


async def test_a_caller_that_is_cancelled_after_the_quick_doorbell_stops_no_ring() -> None:
    harness = Sent()
    ringing = asyncio.create_task(harness.rings.ring("a"))
    await harness.was_quick.wait()
    await asyncio.sleep(0)
    ringing.cancel()
    await asyncio.wait([ringing])
    async with asyncio.timeout(5):
        await harness.was_stored.wait()
    assert harness.sent == ["quick a", "after quick a"]
