"""A body that comes too slowly is refused; a slow service is not the client's fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.virtual_loop import VirtualLoop

from secretary_api.http.errors import answer_to
from secretary_api.http.pace import GRACE_SEC, Pace
from secretary_common.errors import RequestTimeout

PACE = Pace(bytes_per_sec=100, total_sec=1000, settings="a.b, a.c")


async def body(pieces: int, size: int, every_sec: float) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        await asyncio.sleep(every_sec)
        yield b"x" * size


def check_refusal(error: RequestTimeout) -> None:
    assert answer_to(error).status_code == 408
    assert "a.b, a.c" in error.message


def taken(sent: AsyncIterator[bytes], work_sec: float = 0) -> tuple[int, float]:
    """Return the pieces that *sent* gave before its end or its refusal, and the time it took."""

    async def take() -> tuple[int, float]:
        pieces = 0
        try:
            async for _ in PACE.of(sent):
                pieces += 1
                await asyncio.sleep(work_sec)
        except RequestTimeout as error:
            check_refusal(error)
            return pieces, asyncio.get_running_loop().time()
        return pieces, 0

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(take())


def test_a_drip_is_refused_soon_after_the_grace() -> None:
    pieces, ended_at = taken(body(1000, 1, 1))
    assert pieces == GRACE_SEC
    assert ended_at == pytest.approx(GRACE_SEC, abs=0.2)


def test_a_body_that_stops_is_refused() -> None:
    assert taken(body(2, 50, 10_000)) == (0, GRACE_SEC)


def test_a_slow_but_steady_body_is_read_to_its_end() -> None:
    assert taken(body(800, 101, 1)) == (800, 0)


def test_the_work_between_two_pieces_is_not_counted() -> None:
    assert taken(body(9, 1, 1), work_sec=50) == (9, 0)


def test_a_body_has_a_deadline_however_fast_it_comes() -> None:
    pieces, ended_at = taken(body(10_000, 1000, 1))
    assert (pieces, ended_at) == (999, PACE.total_sec)
