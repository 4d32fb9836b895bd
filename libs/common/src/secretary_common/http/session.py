"""aiohttp sessions that check every connection, and a record of each exchange.

The guard checks at three places, so that a difference between URL parsers opens no gap: at each
request (an address in a URL is never resolved), in the resolver, and when a socket is created.
"""

from __future__ import annotations

import functools
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from secretary_common.http.proxy import Proxy
from secretary_common.http.url_guard import UrlGuard, system_lookup

# Shorter than the idle timeout of common servers (uvicorn: 5 s). A server with a shorter timeout
# (gunicorn: 2 s) may have closed a kept connection; the next request on it notices that.
KEEPALIVE_SEC = 4.0
LONGEST_FIELD_BYTES = 64 * 1024
"""The longest status line or header of an answer."""
MOST_HEADERS = 1000
_RECORDED_BYTES = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


@dataclass
class Peer:
    """The server of a request, and the record of the exchange."""

    address: str | None = None
    """None until there is a connection."""
    protocol: ExchangeProtocol | None = None
    """None until there is a connection."""

    @property
    def status(self) -> int | None:
        """The status of the answer, even if the rest of the answer could not be read."""
        return None if self.protocol is None else status_of(bytes(self.protocol.received))

    @property
    def was_closed_before(self) -> bool:
        """Whether a reused connection returned no byte of an answer."""
        protocol = self.protocol
        return protocol is not None and protocol.is_reused and not protocol.received


_peer: ContextVar[Peer | None] = ContextVar("egress_peer", default=None)


@contextmanager
def recorded_peer(peer: Peer) -> Iterator[Peer]:
    """Record in *peer* the server of the request that is made in this block."""
    token = _peer.set(peer)
    try:
        yield peer
    finally:
        _peer.reset(token)


class ExchangeProtocol(ResponseHandler):
    """A connection that records the beginning of each answer."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self.received = bytearray()
        """The first bytes of the latest answer."""
        self._requests = 0

    @property
    def is_reused(self) -> bool:
        """Whether the latest request was not the first one of this connection."""
        return self._requests > 1

    def set_response_params(self, **params: Any) -> None:
        """Begin a request."""
        self._requests += 1
        self.received.clear()
        peer = _peer.get()
        if peer is not None:
            peer.protocol = self
            if peer.address is None and self.transport is not None:
                name = self.transport.get_extra_info("peername")
                peer.address = str(name[0]) if name else None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Record *data* if it is among the first bytes of the answer, and pass it on."""
        room = _RECORDED_BYTES - len(self.received)
        if room > 0:
            self.received += data[:room]
        super().data_received(data)


def status_of(received: bytes) -> int | None:
    """Return the status that an answer begins with; None without a whole status line.

    Informational answers (1xx) are skipped, except 101, which is always the last one.
    """
    start = 0
    while found := _STATUS_LINE.match(received, start):
        status = int(found[1])
        if status >= HTTPStatus.OK or status == HTTPStatus.SWITCHING_PROTOCOLS:
            return status
        end = _END_OF_HEADERS.search(received, found.end() - 2)
        if end is None:
            return None
        start = end.end()
    return None


def open_session(
    guard: UrlGuard,
    *,
    max_connections: int,
    tls: ssl.SSLContext,
    proxy: Proxy | None,
    keeps_connections: bool = True,
) -> aiohttp.ClientSession:
    """Return a session that connects only where *guard* allows.

    The session keeps no cookies and reads no environment variables. The caller checks each URL.
    With *proxy* the session can connect to the proxy too.
    """
    connector = _Connector(
        resolver=_GuardedResolver(guard, proxy),
        use_dns_cache=False,
        socket_factory=functools.partial(_make_socket, guard, proxy),
        ssl=tls,
        limit=max_connections,
        force_close=not keeps_connections,
        **({"keepalive_timeout": KEEPALIVE_SEC} if keeps_connections else {}),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
        max_line_size=LONGEST_FIELD_BYTES,
        max_field_size=LONGEST_FIELD_BYTES,
        max_headers=MOST_HEADERS,
    )


def _make_socket(guard: UrlGuard, proxy: Proxy | None, info: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket for the address in *info*, once *guard* has checked it.

    Raises:
        UrlRefused: *guard* refuses the address.
    """
    family, kind, protocol, _, address = info
    host, port = str(address[0]), int(address[1])
    if proxy is None or not proxy.is_at(host, port):
        guard.check_connection(host, port)
        peer = _peer.get()
        if peer is not None:
            peer.address = host
    return socket.socket(family, kind, protocol)


class _Connector(aiohttp.TCPConnector):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = cast("Any", functools.partial(ExchangeProtocol, loop=self._loop))


class _GuardedResolver(AbstractResolver):
    def __init__(self, guard: UrlGuard, proxy: Proxy | None) -> None:
        self._guard = guard
        self._proxy = proxy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family  # the guard decides
        if self._proxy is not None and (host, port) == (self._proxy.host, self._proxy.port):
            addresses = await system_lookup(host, port)
            self._proxy.addresses = frozenset(addresses)
        else:
            addresses = await self._guard.resolve(host, port)
        return [_resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Close nothing."""


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
