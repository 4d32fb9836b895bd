"""An answer that comes before its request's body was read ends the connection.

Otherwise the server would go on reading a body that nobody wants, for as long as the client sends.
But a connection that is closed while the client still sends is reset, and the client may never see
the answer; so what comes is thrown away for a moment more (RFC 9112, 9.6: a lingering close).
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BYTES = 64 * 1024
"""What is left of a body and is not more than this the server reads by itself."""
LINGER_BYTES = 16 * 2**20
LINGER_SEC = 3.0


class EarlyAnswer:
    """Closes connections whose client still sends a large body after its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; after its answer, see to what is left of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive)
        answer = _Answer(body, send)
        await self._app(scope, body.receive, answer.send)
        if answer.is_early:
            await body.throw_away()
            await send({"type": "http.response.body"})


class _Body:
    """The body of a request, and how much of it is still to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        self._left = int(announced[:20]) if announced.isdigit() else 0
        self._is_open = b"transfer-encoding" in headers  # there is no saying how much comes
        self._asks_first = b"expect" in headers
        self._receive = receive

    @property
    def is_large(self) -> bool:
        """Whether much of it may still come."""
        return self._is_open or self._left > SMALL_BYTES

    async def receive(self) -> Message:
        """The next part of it."""
        self._asks_first = False
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if not message.get("more_body"):  # also if the client has gone
            self._left, self._is_open = 0, False
        return message

    async def throw_away(self) -> None:
        """Read for a while, so that the client comes to read its answer."""
        if self._asks_first:  # it was told no, and sends nothing
            return
        taken = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SEC):
                while (self._is_open or self._left > 0) and taken < LINGER_BYTES:
                    taken += len((await self.receive()).get("body", b""))


class _Answer:
    """The answer to a request; if it is early, its last message is held back."""

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
