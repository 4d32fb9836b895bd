"""httpx on aiohttp's connections: each request is checked, and its URL is sent unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import aiohttp
import httpx

from secretary_common.http.exact_url import ascii_url
from secretary_common.http.proxy import Proxy, route_to
from secretary_common.http.session import Peer, recorded_peer
from secretary_common.http.url_guard import UrlGuard

EXACT_URL = "exact_url"
"""The request's extension with its ``ExactUrl``."""


@dataclass(frozen=True, slots=True)
class ExactUrl:
    """A URL as the caller gave it, and as httpx reads it."""

    text: str
    read: httpx.URL


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through an aiohttp session; turns aiohttp's errors into httpx's."""

    def __init__(
        self,
        guard: UrlGuard,
        open_session: Callable[[], aiohttp.ClientSession],
        proxy: Proxy | None = None,
    ) -> None:
        """*open_session* is called with the first request, inside a running loop."""
        self._guard = guard
        self._open_session = open_session
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*.

        Raises:
            UrlRefused: the guard refuses the URL, or the addresses of its name.
            httpx.RequestError: the exchange failed.
        """
        url = _exact_url(request)
        self._guard.check_url(url)
        peer = request.extensions["peer"] = Peer()
        with recorded_peer(peer), _httpx_errors():
            response = await self._send(request, url, peer)
        extensions = {"http_version": b"HTTP/1.1"}
        if response.reason:
            extensions["reason_phrase"] = response.reason.encode(errors="replace")
        return httpx.Response(
            status_code=response.status,
            headers=list(response.raw_headers),
            stream=_Body(response),
            request=request,
            extensions=extensions,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _send(self, request: httpx.Request, url: str, peer: Peer) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self._open_session()
        headers = dict(request.headers)
        body: bytes | httpx.AsyncByteStream | None
        try:
            body = request.content or None
        except httpx.RequestNotRead:
            body = cast("httpx.AsyncByteStream", request.stream)
            headers.pop("transfer-encoding", None)  # aiohttp adds it
        route = await route_to(url, headers, self._guard, self._proxy)
        peer.address = route.address
        limits = request.extensions.get("timeout", {})
        return await self._session.request(
            request.method,
            route.target,
            headers=route.headers,
            data=body,
            allow_redirects=False,
            compress=False,
            timeout=aiohttp.ClientTimeout(
                connect=limits.get("pool"),
                sock_connect=limits.get("connect"),
                sock_read=limits.get("read"),
            ),
            **route.options,
        )


class _Body(httpx.AsyncByteStream):
    _CHUNK_BYTES = 16 * 1024

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._response.content.iter_chunked(self._CHUNK_BYTES):
                yield chunk

    async def aclose(self) -> None:
        self._response.release()


def _exact_url(request: httpx.Request) -> str:
    """Return the caller's URL; if *request* was changed to another URL, return that one."""
    exact = request.extensions.get(EXACT_URL)
    if isinstance(exact, ExactUrl) and exact.read == request.url:
        return exact.text
    return ascii_url(str(request.url))


# From the particular to the general.
_NAMES: tuple[tuple[type[Exception], type[httpx.RequestError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    # An answer that is not HTTP, or has too long a header.
    (aiohttp.ClientError, httpx.RemoteProtocolError),
    (OSError, httpx.ConnectError),
)


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        name = next(name for kind, name in _NAMES if isinstance(error, kind))
        raise name(str(error)) from error
