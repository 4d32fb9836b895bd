"""Reads JSON bodies within the limits of memory: large ones in turns, and few values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from secretary_api.http.body import parse_json, require_json
from secretary_api.http.json_values import has_more_values
from secretary_common.errors import BodyTooLarge, RateLimited
from secretary_common.runtime.keyed_limit import KeyedLimit

LARGE_BYTES = 256 * 1024
"""A body is read up to this size without a turn."""
BUILT_AT_ONCE = 2
"""The most large bodies whose values are built at the same time."""
RETRY_SEC = 5.0
_THREAD_BYTES = 64 * 1024
"""Larger bodies are parsed in a thread, so that other requests do not wait for them."""


class JsonBodies:
    """Reads the JSON bodies of requests; of each API key one large body at a time."""

    def __init__(self, *, max_values: int, turn_sec: float) -> None:
        """Take the limits.

        Args:
            max_values: the most values in a body.
            turn_sec: how long a large body waits for its turn.
        """
        self._max_values = max_values
        self._turn_sec = turn_sec
        # Every key may have one turn, so a key with a slow client delays no other key.
        self._turns = KeyedLimit(total=1, per_key=1, reserved=1)
        self._building = asyncio.Semaphore(BUILT_AT_ONCE)

    async def read(self, request: Request, key_id: str) -> Any:
        """Read and parse the body of *request*, which the API key *key_id* sends.

        Raises:
            UnsupportedMediaType: the Content-Type is not JSON.
            BodyTooLarge: the body is over a limit.
            RateLimited: other large bodies of the key took too long.
            InvalidRequest: the body is not JSON.
            NotStorable: the error names the value that cannot be stored.
        """
        pieces, rest = await _begun(request)
        if rest is None:
            return await self._small(b"".join(pieces))
        async with self._large(pieces, rest, key_id) as parsed:
            return parsed

    @asynccontextmanager
    async def held(self, request: Request, key_id: str) -> AsyncIterator[Any]:
        """Read and parse a body as ``read`` does; a large one keeps its turn inside the context.

        This bounds the memory of a route that waits while it uses the body.
        """
        pieces, rest = await _begun(request)
        if rest is None:
            yield await self._small(b"".join(pieces))
        else:
            async with self._large(pieces, rest, key_id) as parsed:
                yield parsed

    async def _small(self, raw: bytes) -> Any:
        return self._parsed(raw) if len(raw) <= _THREAD_BYTES else await self._built(raw)

    @asynccontextmanager
    async def _large(
        self, pieces: list[bytes], rest: AsyncIterator[bytes], key_id: str
    ) -> AsyncIterator[Any]:
        async with self._turns.permit(key_id, patience_sec=self._turn_sec) as has_turn:
            if not has_turn:
                raise RateLimited(
                    "the body waited too long for other large bodies of this API key",
                    retry_after=RETRY_SEC,
                )
            pieces.extend([piece async for piece in rest])
            raw = b"".join(pieces)
            pieces.clear()
            async with self._building:
                parsed = await self._built(raw)
            del raw
            yield parsed

    async def _built(self, raw: bytes) -> Any:
        return await asyncio.to_thread(self._parsed, raw)

    def _parsed(self, raw: bytes) -> Any:
        if has_more_values(raw, self._max_values):
            raise BodyTooLarge(f"the body has more than {self._max_values} values (api.max_values)")
        return parse_json(raw)


async def _begun(request: Request) -> tuple[list[bytes], AsyncIterator[bytes] | None]:
    """Return the first pieces of a body, and the rest of a large one; None: there is no rest.

    Raises:
        UnsupportedMediaType: the Content-Type is not JSON.
    """
    require_json(request.headers.get("content-type", ""))
    pieces: list[bytes] = []
    size, has_more = 0, True
    while has_more and size <= LARGE_BYTES:
        piece, has_more = await _piece(request)
        pieces.append(piece)
        size += len(piece)
    return pieces, _rest(request, has_more=has_more) if size > LARGE_BYTES else None


async def _rest(request: Request, *, has_more: bool) -> AsyncIterator[bytes]:
    while has_more:
        piece, has_more = await _piece(request)
        yield piece


async def _piece(request: Request) -> tuple[bytes, bool]:
    """Return the next piece of the body, and whether more pieces follow.

    ``Request.stream`` is a generator, which costs a small body more than its parsing.

    Raises:
        ClientDisconnect: the client has closed the connection.
    """
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)
