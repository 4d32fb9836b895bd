"""Large JSON bodies take turns for each key, and bodies of too many values are refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from secretary_api.http.errors import answer_to
from secretary_api.http.json_bodies import LARGE_BYTES, JsonBodies
from secretary_common.errors import BodyTooLarge, RateLimited

LARGE = json.dumps({"text": "x" * LARGE_BYTES}).encode()
MAX_VALUES = 1000


class Sender:
    """Clients that send the first piece of a body, and the rest once ``goes_on`` is set."""

    def __init__(self, *, turn_sec: float = 60) -> None:
        self.bodies = JsonBodies(max_values=MAX_VALUES, turn_sec=turn_sec)
        self.goes_on = asyncio.Event()
        self.awaited = 0
        """The requests whose body is read on."""

    async def send(self, raw: bytes, key_id: str = "a") -> Any:
        pieces = [raw[:-1], raw[-1:]]

        async def receive() -> Any:
            if len(pieces) == 1:
                self.awaited += 1
                await self.goes_on.wait()
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "headers": headers}
        return await self.bodies.read(Request(scope, receive), key_id)

    async def until_awaited(self, number: int) -> None:
        async with asyncio.timeout(30):
            while True:
                if self.awaited >= number:
                    return
                await asyncio.sleep(0.01)


async def test_large_bodies_of_one_key_are_read_one_at_a_time() -> None:
    sender = Sender()
    async with asyncio.TaskGroup() as group:
        reads = [group.create_task(sender.send(LARGE)) for _ in range(3)]
        await sender.until_awaited(1)
        other = group.create_task(sender.send(LARGE, "b"))
        await sender.until_awaited(2)  # the other key's; the first key's second one still waits
        await asyncio.sleep(0.02)
        assert sender.awaited == 2
        sender.goes_on.set()
    assert all(one.result() == json.loads(LARGE) for one in (*reads, other))


async def test_a_small_body_waits_for_no_turn() -> None:
    sender = Sender()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send(LARGE))
        await sender.until_awaited(1)
        small = group.create_task(sender.send(b'{"a": [1]}'))
        await sender.until_awaited(2)
        sender.goes_on.set()
    assert small.result() == {"a": [1]}


async def test_a_large_body_whose_turn_does_not_come_is_refused_with_429() -> None:
    sender = Sender(turn_sec=0.01)
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send(LARGE))
        await sender.until_awaited(1)
        with pytest.raises(RateLimited) as refused:
            await sender.send(LARGE)
        sender.goes_on.set()
    answer = answer_to(refused.value)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert await sender.send(LARGE)


@pytest.mark.parametrize("size", [2 * MAX_VALUES, LARGE_BYTES])
async def test_a_body_of_too_many_values_is_refused_before_they_are_built(size: int) -> None:
    sender = Sender()
    sender.goes_on.set()
    with pytest.raises(BodyTooLarge, match=r"api\.max_values"):
        await sender.send(b"[" + b"[]," * size + b"!")  # not even JSON: the count comes first
