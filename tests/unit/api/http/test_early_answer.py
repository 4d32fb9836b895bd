"""An early answer ends the connection, but the client can read it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from secretary_api.http import early_answer
from secretary_api.http.early_answer import EarlyAnswer

Message = dict[str, Any]
CLOSE = (b"connection", b"close")


class Connection:
    """A client that has sent a part of a body, and the messages it receives."""

    def __init__(self, *pieces: bytes, **headers: str) -> None:
        self.pieces = list(pieces)
        self.sent: list[Message] = []
        self.taken = 0
        named = [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]
        self.scope: Any = {"type": "http", "headers": named}

    async def receive(self) -> Any:
        if not self.pieces:
            await asyncio.sleep(60)
        piece = self.pieces.pop(0)
        self.taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def answered(self, *, reads: int) -> list[Message]:
        """Return the messages of an application that reads *reads* parts and then answers 413."""

        async def app(_: Any, receive: Any, send: Any) -> None:
            for _ in range(reads):
                await receive()
            await send({"type": "http.response.start", "status": 413, "headers": [(b"a", b"b")]})
            await send({"type": "http.response.body", "body": b"no", "more_body": True})
            await send({"type": "http.response.body", "body": b"!"})

        await EarlyAnswer(app)(self.scope, self.receive, self.send)
        assert b"".join(one.get("body", b"") for one in self.sent[1:]) == b"no!"
        more = [one.get("more_body", False) for one in self.sent[1:]]
        assert more == [*[True] * (len(more) - 1), False]
        return self.sent


LARGE = str(10 * early_answer.SMALL_BYTES)


@pytest.mark.parametrize(
    ("headers", "reads", "early"),
    [
        ({}, 0, False),
        ({"content_length": "0"}, 0, False),
        ({"content_length": str(early_answer.SMALL_BYTES)}, 0, False),
        ({"content_length": "ten"}, 0, False),
        ({"content_length": LARGE}, 0, True),
        ({"content_length": LARGE}, 1, True),
        ({"content_length": LARGE}, 3, False),
        ({"transfer_encoding": "chunked"}, 1, True),
        ({"transfer_encoding": "chunked"}, 3, False),
    ],
)
async def test_only_an_answer_before_the_end_of_a_large_body_closes_the_connection(
    headers: dict[str, str], reads: int, *, early: bool
) -> None:
    connection = Connection(b"x" * 100, b"x" * 100, b"", **headers)
    sent = await connection.answered(reads=reads)
    assert (CLOSE in sent[0]["headers"]) is early
    assert (b"a", b"b") in sent[0]["headers"]


async def test_the_rest_of_the_body_is_discarded_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(early_answer, "DISCARD_BYTES", 1000)
    connection = Connection(*[b"x" * 100] * 50, content_length=LARGE)
    await connection.answered(reads=1)
    assert connection.taken == 1100


async def test_the_api_waits_only_shortly_for_a_silent_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(early_answer, "DISCARD_SEC", 0.01)
    async with asyncio.timeout(30):
        await Connection(b"x", content_length=LARGE).answered(reads=1)


async def test_the_api_does_not_wait_for_a_client_that_asked_first() -> None:
    connection = Connection(content_length=LARGE, expect="100-continue")
    async with asyncio.timeout(early_answer.DISCARD_SEC / 2):
        sent = await connection.answered(reads=0)
    assert CLOSE in sent[0]["headers"]
