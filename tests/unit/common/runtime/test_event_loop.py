"""Services run on uvloop; handlers keep asyncio's own loop."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest
import uvloop

from secretary_common.runtime import event_loop


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    """Give the other tests the thresholds of before; what is frozen stays frozen."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


class Knot:
    """An object in a cycle."""

    def __init__(self) -> None:
        self.itself = self


def test_a_service_runs_on_uvloop_and_its_other_loops_are_asyncios() -> None:
    seen: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        other = asyncio.new_event_loop()
        other.close()
        seen.extend([asyncio.get_running_loop(), other])

    event_loop.run(main())
    ours, other = seen
    assert isinstance(ours, uvloop.Loop)
    assert not isinstance(other, uvloop.Loop)
    assert ours.is_closed()


def test_an_error_of_a_service_is_raised() -> None:
    async def main() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        event_loop.run(main())


def test_objects_of_the_start_are_searched_no_more_and_new_cycles_are_collected() -> None:
    early = Knot()

    async def main() -> None:
        assert not any(one is early for one in gc.get_objects())
        knot = weakref.ref(Knot())
        kept: list[list[int]] = [[] for _ in range(2 * event_loop.ALLOCATIONS)]
        assert knot() is None
        assert kept

    event_loop.run(main())
