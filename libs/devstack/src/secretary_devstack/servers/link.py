"""One TCP connection through a proxy: two sides that pass on to each other, unless told not to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from secretary_devstack.servers.port import HOST

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for no time: close() sends RST


class Side(asyncio.Protocol):
    """One end of a link: reads, unless somebody holds it, and passes on to the other end."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._held: set[str] = set()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part."""
        self.transport = cast("asyncio.Transport", transport)  # of a stream it is one
        if self._held:
            self.transport.pause_reading()
        self._link.began(self)

    def data_received(self, data: bytes) -> None:
        """Pass *data* on."""
        self._link.pass_on(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too."""
        self._link.ended(self, reset=exc is not None)

    def pause_writing(self) -> None:
        """Let the other side read no more: this one's buffer is full."""
        self._link.other(self).hold("full")

    def resume_writing(self) -> None:
        """Let it read on."""
        self._link.other(self).release("full")

    def hold(self, why: str) -> None:
        """Read no more until every *why* is released."""
        self._held.add(why)
        if self.transport:
            self.transport.pause_reading()

    def release(self, why: str) -> None:
        """Take back a ``hold``."""
        self._held.discard(why)
        if self.transport and not self._held:
            self.transport.resume_reading()

    def close(self, *, reset: bool) -> None:
        """Hang up: once all is sent, or with a *reset* at once."""
        transport = self.transport
        if transport is None:
            return
        if not reset:
            transport.close()
            return
        raw: socket.socket = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # closed already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()


class Link:
    """A client's connection and the one made for it to the server behind."""

    def __init__(self, *, opened: Callable[[Link], None], closed: Callable[[Link], None]) -> None:
        """*opened* is called with the client there and silent, *closed* when both have gone."""
        self._opened = opened
        self._closed = closed
        self._deaf = False
        self.client = Side(self)
        self.client.hold("connecting")
        self.server = Side(self)
        self.client_port = 0

    def other(self, side: Side) -> Side:
        """The side opposite to *side*."""
        return self.server if side is self.client else self.client

    async def connect(self, port: int) -> None:
        """Connect to the server at *port*; a server that is not there resets the client."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, HOST, port)
        except OSError:
            self.cut()
            return
        if self.client.transport is None:  # gone meanwhile
            self.server.close(reset=True)
        self.client.release("connecting")

    def began(self, side: Side) -> None:
        """*side* is connected."""
        if side is self.client and side.transport:
            self.client_port = side.transport.get_extra_info("peername")[1]
            self._opened(self)

    def pass_on(self, side: Side, data: bytes) -> None:
        """Give *data*, read by *side*, to the other one; into a deaf link it is lost."""
        receiver = self.other(side).transport
        if receiver and not self._deaf:
            receiver.write(data)

    def ended(self, side: Side, *, reset: bool) -> None:
        """*side* has gone; the other one follows, unless this link is deaf."""
        side.transport = None
        if not self._deaf:
            self.other(side).close(reset=reset)
        if not self.client.transport and not self.server.transport:
            self._closed(self)

    def cut(self) -> None:
        """Reset both sides."""
        self.client.close(reset=True)
        self.server.close(reset=True)

    def deafen(self) -> None:
        """Lose everything said from now on, and tell neither side when the other hangs up."""
        self._deaf = True
        self.resume()

    def stall(self) -> None:
        """Hold everything back, hanging up included."""
        self.client.hold("stalled")
        self.server.hold("stalled")

    def resume(self) -> None:
        """Pass on what ``stall`` held back."""
        self.client.release("stalled")
        self.server.release("stalled")
