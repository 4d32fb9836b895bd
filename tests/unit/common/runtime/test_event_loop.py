"""Services run on uvloop; handlers keep asyncio's own loop."""

import asyncio

import pytest
import uvloop

from secretary_common.runtime import event_loop


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
