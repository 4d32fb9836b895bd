"""Closes the connection after an answer that was sent before the request's body was read.

Without this, the server would read the unwanted body for as long as the client sends. But if a
server closes a connection while the client still sends, the connection is reset, and the client may
never read the answer. So the server reads and discards the body for a short time first (RFC 9112,
9.6: a lingering close).
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BYTES = 64 * 1024
"""uvicorn itself reads the rest of a body up to this size."""
DISCARD_BYTES = 16 * 2**20
DISCARD_SEC = 3.0


class EarlyAnswer:
    """Closes a connection if its client may still send a large body after the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; after an early answer, discard the rest of the body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive)
        if not body.is_large:
            await self._app(scope, receive, send)
            return
        answer = _Answer(body, send)
        await self._app(scope, body.receive, answer.send)
        if answer.is_early:
            await body.discard()
            await send({"type": "http.response.body"})


class _Body:
    """The body of a request; counts the bytes that are still to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        self._left = int(announced[:20]) if announced.isdigit() else 0
        self._is_open = b"transfer-encoding" in headers  # its length is unknown
        self._asks_first = b"expect" in headers
        self._receive = receive

    @property
    def is_large(self) -> bool:
        """Whether more than ``SMALL_BYTES`` of the body may still come."""
        return self._is_open or self._left > SMALL_BYTES

    async def receive(self) -> Message:
        """Receive the next part of the body."""
        self._asks_first = False
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if not message.get("more_body"):  # also when the client has disconnected
            self._left, self._is_open = 0, False
        return message

    async def discard(self) -> None:
        """Read the body for a short time, so that the client can read its answer."""
        if self._asks_first:  # the answer refused the body, so the client sends none
            return
        discarded = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SEC):
                while (self._is_open or self._left > 0) and discarded < DISCARD_BYTES:
                    discarded += len((await self.receive()).get("body", b""))


class _Answer:
    """The answer to a request. ``EarlyAnswer`` discards the body, then ends an early answer."""

    def __init__(self, body: _Body, send: Send) -> None:
        self._body = body
        self._send = send
        self.is_early = False

    async def send(self, message: Message) -> None:
        """Pass *message* on."""
        if message["type"] == "http.response.start" and self._body.is_large:
            self.is_early = True
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        elif self.is_early:
            message = {**message, "more_body": True}
        await self._send(message)
