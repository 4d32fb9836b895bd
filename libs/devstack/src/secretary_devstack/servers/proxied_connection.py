"""One TCP connection through a proxy. It consists of two endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from secretary_devstack.servers.port import HOST

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for no time: close() sends RST


class Endpoint(asyncio.Protocol):
    """One end of a proxied connection. It forwards received data to the other end."""

    def __init__(self, link: ProxiedConnection) -> None:
        self._link = link
        self._pause_reasons: set[str] = set()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register this endpoint as connected."""
        self.transport = cast("asyncio.Transport", transport)  # stream connections have one
        if self._pause_reasons:
            self.transport.pause_reading()
        self._link.connected(self)

    def data_received(self, data: bytes) -> None:
        """Forward *data* to the other endpoint."""
        self._link.forward(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Register this endpoint as disconnected; see ``ProxiedConnection.disconnected``."""
        self._link.disconnected(self, reset=exc is not None)

    def pause_writing(self) -> None:
        """Pause reading at the other endpoint, because the buffer of this endpoint is full."""
        self._link.other(self).pause("full")

    def resume_writing(self) -> None:
        """Resume reading at the other endpoint."""
        self._link.other(self).resume("full")

    def pause(self, reason: str) -> None:
        """Stop reading until ``resume`` is called for *reason* and every other reason."""
        self._pause_reasons.add(reason)
        if self.transport:
            self.transport.pause_reading()

    def resume(self, reason: str) -> None:
        """Undo ``pause`` for *reason*. Read again if no other reason is left."""
        self._pause_reasons.discard(reason)
        if self.transport and not self._pause_reasons:
            self.transport.resume_reading()

    def close(self, *, reset: bool) -> None:
        """Close the connection after all data is sent, or at once with a TCP *reset*."""
        transport = self.transport
        if transport is None:
            return
        if not reset:
            transport.close()
            return
        raw: socket.socket = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # if the connection is closed already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()


class ProxiedConnection:
    """The connection of a client to the proxy, and that of the proxy to the server."""

    def __init__(
        self,
        *,
        opened: Callable[[ProxiedConnection], None],
        closed: Callable[[ProxiedConnection], None],
    ) -> None:
        """*opened* is called when the client has connected, *closed* when both ends are closed."""
        self._opened = opened
        self._closed = closed
        self._half_open = False
        self.client = Endpoint(self)
        self.client.pause("connecting")
        self.server = Endpoint(self)
        self.client_port = 0

    def other(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint opposite to *endpoint*."""
        return self.server if endpoint is self.client else self.client

    async def connect(self, port: int) -> None:
        """Connect to the server at *port*. If no server listens there, reset the client."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.server, HOST, port)
        except OSError:
            self.cut()
            return
        if self.client.transport is None:  # the client has disconnected meanwhile
            self.server.close(reset=True)
        self.client.resume("connecting")

    def connected(self, endpoint: Endpoint) -> None:
        """Register *endpoint* as connected."""
        if endpoint is self.client and endpoint.transport:
            self.client_port = endpoint.transport.get_extra_info("peername")[1]
            self._opened(self)

    def forward(self, endpoint: Endpoint, data: bytes) -> None:
        """Send *data* from *endpoint* to the other endpoint. Discard *data* if half-open."""
        receiver = self.other(endpoint).transport
        if receiver and not self._half_open:
            receiver.write(data)

    def disconnected(self, endpoint: Endpoint, *, reset: bool) -> None:
        """Register *endpoint* as disconnected. Disconnect the other endpoint unless half-open."""
        endpoint.transport = None
        if not self._half_open:
            self.other(endpoint).close(reset=reset)
        if not self.client.transport and not self.server.transport:
            self._closed(self)

    def cut(self) -> None:
        """Reset the connections to the client and to the server."""
        self.client.close(reset=True)
        self.server.close(reset=True)

    def make_half_open(self) -> None:
        """Discard all data from now on, and hide the end of one connection from the other peer."""
        self._half_open = True
        self.resume()

    def stall(self) -> None:
        """Forward no data and no end of a connection until ``resume``."""
        self.client.pause("stalled")
        self.server.pause("stalled")

    def resume(self) -> None:
        """Forward again, also the data that has waited since ``stall``."""
        self.client.resume("stalled")
        self.server.resume("stalled")
