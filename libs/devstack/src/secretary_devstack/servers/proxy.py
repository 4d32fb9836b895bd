"""TCP proxies that cut and stall connections or make them half-open, as bad networks do.

A cut connection is reset on both sides. A stalled connection forwards no data until ``resume``. A
half-open connection stays up, but all data is lost, and no peer notices when the other peer
disconnects.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.proxied_connection import ProxiedConnection
from secretary_devstack.startable import Startable

T = TypeVar("T")

CALL_SEC = 10.0

ConnectionFilter = Callable[[int], bool]
"""Selects connections by the port of their client."""


def every_connection(_client_port: int) -> bool:
    """Select every connection."""
    return True


def no_connection(_client_port: int) -> bool:
    """Select no connection."""
    return False


class TcpProxy:
    """Listens on ``port`` and forwards to another port of 127.0.0.1. ``Network.proxy`` makes it.

    All methods except ``open`` and ``close`` may be called from any thread. They return when they
    have taken effect. *which* selects connections by their client's port; the default selects all.
    Methods with *which* return the number of selected connections.
    """

    def __init__(self, network: Network, upstream_port: int) -> None:
        self._network = network
        self._upstream_port = upstream_port
        self._links: set[ProxiedConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._stalls: ConnectionFilter = no_connection
        self._refuses: ConnectionFilter = no_connection
        self._server: asyncio.Server | None = None
        self.port = free_port()

    def client_ports(self) -> set[int]:
        """Return the ports of the clients that are connected now."""
        return self._network.call(lambda: {link.client_port for link in self._links})

    def cut(self, which: ConnectionFilter = every_connection) -> int:
        """Reset connections, as a restarted router does. New connections work."""
        return self._network.call(lambda: self._each(which, ProxiedConnection.cut))

    def make_half_open(self, which: ConnectionFilter = every_connection) -> int:
        """Make connections half-open for good. New connections work."""
        return self._network.call(lambda: self._each(which, ProxiedConnection.make_half_open))

    def stall(self, which: ConnectionFilter = every_connection) -> int:
        """Forward no data through old and new connections until ``resume``."""

        def stall() -> int:
            self._stalls = which
            return self._each(which, ProxiedConnection.stall)

        return self._network.call(stall)

    def refuse(self, which: ConnectionFilter = every_connection) -> int:
        """Reset old connections now, and each new connection until ``resume``."""

        def refuse() -> int:
            self._refuses = which
            return self._each(which, ProxiedConnection.cut)

        return self._network.call(refuse)

    def resume(self) -> None:
        """Forward stalled data, and accept all connections again."""

        def resume() -> None:
            self._stalls, self._refuses = no_connection, no_connection
            self._each(every_connection, ProxiedConnection.resume)

        self._network.call(resume)

    async def open(self) -> None:
        """Start to listen. ``Network`` calls this on its loop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ProxiedConnection(opened=self._opened, closed=self._links.discard).client,
            HOST,
            self.port,
        )

    async def close(self) -> None:
        """Stop listening and cut every connection. ``Network`` calls this on its loop."""
        if self._server:
            self._server.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        self._each(every_connection, ProxiedConnection.cut)

    def _opened(self, link: ProxiedConnection) -> None:
        self._links.add(link)
        if self._refuses(link.client_port):
            link.cut()
            return
        if self._stalls(link.client_port):
            link.stall()
        task = asyncio.ensure_future(link.connect(self._upstream_port))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _each(self, which: ConnectionFilter, what: Callable[[ProxiedConnection], None]) -> int:
        chosen = [link for link in self._links if which(link.client_port)]
        for link in chosen:
            what(link)
        return len(chosen)


class Network(Startable):
    """Makes proxies and runs them in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self._proxies: list[TcpProxy] = []

    def start(self) -> None:
        """Start the thread. A network can be started only once."""
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection and end the thread."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CALL_SEC)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def proxy(self, upstream_port: int) -> TcpProxy:
        """Return a listening proxy for *upstream_port*. The server there may start later."""
        proxy = TcpProxy(self, upstream_port)
        self._proxies.append(proxy)
        asyncio.run_coroutine_threadsafe(proxy.open(), self._loop).result(CALL_SEC)
        return proxy

    def resume(self) -> None:
        """Call ``resume`` of every proxy."""
        for proxy in self._proxies:
            proxy.resume()

    def call(self, work: Callable[[], T]) -> T:
        """Run *work* on the loop and return its result."""

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(CALL_SEC)

    async def _close(self) -> None:
        for proxy in self._proxies:
            await proxy.close()
        await asyncio.sleep(0)  # so that the transports close their sockets

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
