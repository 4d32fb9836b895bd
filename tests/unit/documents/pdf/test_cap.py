"""How many may be under way at a time."""

from __future__ import annotations

import asyncio

from secretary_documents.pdf.cap import Cap


async def test_no_more_than_its_size_are_under_way_and_the_others_follow_in_turn() -> None:
    cap, under_way, most, order = Cap(2), 0, 0, list[int]()

    async def work(number: int) -> None:
        nonlocal under_way, most
        async with cap.slot():
            order.append(number)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*map(work, range(6)))
    assert (most, order) == (2, [0, 1, 2, 3, 4, 5])


async def test_what_is_spare_leaves_room_for_who_took_none() -> None:
    cap = Cap(3)
    assert cap.spare == 2
    async with cap.slot():
        assert cap.spare == 1
        async with cap.slot(), cap.slot():
            assert cap.spare == 0
    assert cap.spare == 2
    assert Cap(1).spare == 0


def test_it_serves_a_new_loop_after_the_old_one() -> None:
    cap = Cap(1)

    async def take() -> None:
        async with asyncio.timeout(5), cap.slot():
            await asyncio.sleep(0)

    async def crowd() -> None:
        await asyncio.gather(take(), take())

    asyncio.run(crowd())
    asyncio.run(crowd())
