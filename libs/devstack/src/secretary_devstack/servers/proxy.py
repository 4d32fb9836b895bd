"""TCP proxies that cut, stall and deafen what goes through them, as bad networks do.

A connection that is cut ends with a reset on both sides. A stalled one holds everything back until
``resume``. A deaf one is half-open: it stays up, what is said into it is lost, and neither side is
told when the other hangs up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from secretary_devstack.servers.link import Link
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.startable import Startable

T = TypeVar("T")

CALL_SEC = 10.0

Chosen = Callable[[int], bool]
"""Whether the connection is meant whose client has this port."""


def everyone(_client_port: int) -> bool:
    """Every connection is meant."""
    return True


def nobody(_client_port: int) -> bool:
    """No connection is meant."""
    return False


class Proxy:
    """Listens on ``port`` and passes on to another port of 127.0.0.1; made by a ``Network``.

    Every method may be called from any thread and returns when it is done. *whom* chooses
    connections by their client's port; by default all are meant.
    """

    def __init__(self, network: Network, upstream_port: int) -> None:
        self._network = network
        self._upstream_port = upstream_port
        self._links: set[Link] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._stalls: Chosen = nobody
        self._refuses: Chosen = nobody
        self._server: asyncio.Server | None = None
        self.port = free_port()

    def client_ports(self) -> set[int]:
        """The ports of the clients connected now."""
        return self._network.call(lambda: {link.client_port for link in self._links})

    def cut(self, whom: Chosen = everyone) -> int:
        """Reset connections, as a restarted router does; new ones are let through. How many."""
        return self._network.call(lambda: self._each(whom, Link.cut))

    def deafen(self, whom: Chosen = everyone) -> int:
        """Leave connections half-open for good; new ones are let through. How many."""
        return self._network.call(lambda: self._each(whom, Link.deafen))

    def stall(self, whom: Chosen = everyone) -> int:
        """Hold back what goes through connections, new ones too, until ``resume``. How many."""

        def stall() -> int:
            self._stalls = whom
            return self._each(whom, Link.stall)

        return self._network.call(stall)

    def refuse(self, whom: Chosen = everyone) -> int:
        """Reset connections, each new one too, until ``resume``. How many there were."""

        def refuse() -> int:
            self._refuses = whom
            return self._each(whom, Link.cut)

        return self._network.call(refuse)

    def resume(self) -> None:
        """Be a good network again: pass on what was held back, let everybody in."""

        def resume() -> None:
            self._stalls, self._refuses = nobody, nobody
            self._each(everyone, Link.resume)

        self._network.call(resume)

    async def open(self) -> None:
        """Listen; called on the network's loop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Link(opened=self._opened, closed=self._links.discard).client, HOST, self.port
        )

    async def close(self) -> None:
        """Listen no more and cut everything; called on the network's loop."""
        if self._server:
            self._server.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        self._each(everyone, Link.cut)

    def _opened(self, link: Link) -> None:
        self._links.add(link)
        if self._refuses(link.client_port):
            link.cut()
            return
        if self._stalls(link.client_port):
            link.stall()
        task = asyncio.ensure_future(link.connect(self._upstream_port))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _each(self, whom: Chosen, what: Callable[[Link], None]) -> int:
        chosen = [link for link in self._links if whom(link.client_port)]
        for link in chosen:
            what(link)
        return len(chosen)


class Network(Startable):
    """Makes proxies, and runs them in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self._proxies: list[Proxy] = []

    def start(self) -> None:
        """Let proxies be made; once."""
        self._thread.start()

    def stop(self) -> None:
        """Cut everything and end."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CALL_SEC)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def proxy(self, upstream_port: int) -> Proxy:
        """A listening proxy for *upstream_port*, whether anybody is there yet or not."""
        proxy = Proxy(self, upstream_port)
        self._proxies.append(proxy)
        asyncio.run_coroutine_threadsafe(proxy.open(), self._loop).result(CALL_SEC)
        return proxy

    def resume(self) -> None:
        """Make every proxy a good network again."""
        for proxy in self._proxies:
            proxy.resume()

    def call(self, work: Callable[[], T]) -> T:
        """What *work*, run on the loop, returns."""

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(CALL_SEC)

    async def _close(self) -> None:
        for proxy in self._proxies:
            await proxy.close()
        await asyncio.sleep(0)  # lets the transports close their sockets

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
