"""HTTP/1.1 by httptools, with limits that its parser and uvicorn do not have.

The parser keeps a header, or a trailer after a chunked body, until it is complete, and neither has
a deadline. Without limits, clients could fill the memory or use up all descriptors before any
route sees their requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from secretary_api.http.connection_limits import ConnectionLimits
from secretary_api.http.early_answer import EarlyAnswer
from secretary_api.http.errors import answer_to, envelope
from secretary_api.http.middleware import RequestLog
from secretary_common.errors import Overloaded, RequestTimeout

LARGEST_HEAD_BYTES = 64 * 1024
"""The most bytes of a request that may come without completing its head or a part of its body."""
_HEAD = b"HTTP/"
ALWAYS_ANSWERED = b"/health/"
"""Requests under this path are answered under any load: else a busy service would be restarted."""


class _JoinedWrites(asyncio.Transport):
    """Sends the head of an answer together with the first part of its body.

    uvicorn writes one after the other. Each write would be a call of the kernel and a packet, for
    which the client wakes up.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write *data*. A head waits for the next write, at most until the next turn."""
        if self._head:
            data, self._head = b"".join((self._head, data)), b""
        elif data[:5] == _HEAD:
            self._head = bytes(data)
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._flush()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():  # the client may have gone since
            self._transport.write(head)


def protocol_with(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """Return the protocol with *limits*."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits})


class BoundedProtocol(HttpToolsProtocol):
    """The protocol of one connection; refuses what is too large, too slow or too much.

    A connection has a timer only while the service waits for the rest of a head or a body. A
    request that arrives in one piece needs none.
    """

    limits: ConnectionLimits
    _kept = 0
    """The bytes that came since the parser last completed something."""
    _reads_body = False
    """Whether the head of a request is complete and its body is not."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it too
        """Wait for the head of the first request."""
        super().connection_made(_JoinedWrites(transport, self.loop))
        self._start_timer(self.limits.head_sec, self._end_late_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data*."""
        self._kept += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._kept > LARGEST_HEAD_BYTES:
            self._refuse()
        elif self._timer is None:
            self._wait_for_the_rest()

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._kept = 0
        self._reads_body = True
        self._stop_timer()
        if len(self.tasks) >= self.limits.requests_at_once and not self._is_always_answered():
            self.app = _OVERLOADED
            super().on_headers_complete()
            self.app = self.config.loaded_app
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self._kept = 0
        self._reads_body = False
        self._stop_timer()
        super().on_message_complete()

    def _wait_for_the_rest(self) -> None:
        if self._reads_body:
            self._start_timer(self.limits.body_sec, self._end_late_body)
        elif self._is_idle():
            self._start_timer(self.limits.head_sec, self._end_late_head)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _is_always_answered(self) -> bool:
        return self.url.startswith(ALWAYS_ANSWERED)

    def _has_own_pace(self) -> bool:
        return self.url.partition(b"?")[0].rstrip(b"/") in self.limits.paced_paths

    def _start_timer(self, seconds: float, end: Callable[[], None]) -> None:
        self._timer = self.loop.call_later(seconds, end)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_late_head(self) -> None:
        self._timer = None
        if self._kept:
            self._answer_late("the head of the request", self.limits.head_sec, "api.head_sec")
        else:  # the client sent nothing at all, so it awaits no answer
            self.transport.close()

    def _end_late_body(self) -> None:
        self._timer = None
        if self.cycle.response_complete:
            self.transport.close()
        elif self.flow.read_paused or self._has_own_pace():
            # The service itself does not read on, or the route has a deadline for the body.
            self._start_timer(self.limits.body_sec, self._end_late_body)
        elif self.cycle.response_started:
            self.transport.abort()
        else:
            self.cycle.disconnected = True  # the route's next read fails, and it answers no more
            self.cycle.message_event.set()
            self._answer_late("the body", self.limits.body_sec, "api.body_sec")

    def _answer_late(self, part: str, seconds: float, setting: str) -> None:
        """Answer 408, which no route does: there is no complete request."""
        if self.transport.is_closing():
            return
        message = f"{part} was not complete after {seconds:g} s ({setting})"
        content = envelope(RequestTimeout.code, message)
        head = (
            "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _refuse(self) -> None:
        if self._is_idle():
            self.send_400_response("The head of the request is too large.")
        else:  # an answer is under way, so there is no place for another one
            self.transport.abort()


async def _refuse_request(scope: Scope, receive: Receive, send: Send) -> None:
    await answer_to(Overloaded())(scope, receive, send)


_OVERLOADED = EarlyAnswer(RequestLog(_refuse_request))
