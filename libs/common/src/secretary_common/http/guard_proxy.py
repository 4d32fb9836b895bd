"""An HTTP proxy on this machine that lets one program reach what the URL guard allows.

A program such as yt-dlp makes its own connections. It gets no network but this proxy: the proxy
checks each target, resolves its name once, and connects to an address that it has checked. So a
redirect or a name that changes its address leads nowhere else.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from secretary_common.errors import UrlRefused
from secretary_common.http.exact_url import parsed_url
from secretary_common.http.proxy import Proxy
from secretary_common.http.url_guard import DEFAULT_PORTS, UrlGuard
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

USER = "program"
HEAD_BYTES = 64 * 1024
HEAD_SEC = 30.0
CONNECT_SEC = 15.0
MOST_CONNECTIONS = 64
_CHUNK = 64 * 1024
# Between a client and its proxy; the target must not see them. The proxy makes its own Host header.
_DROPPED_HEADERS = ("proxy-", "connection:", "keep-alive:", "host:")

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Refused(Exception):
    """Raised if the proxy does not forward a request."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    headers: list[str]

    @property
    def is_tunnel(self) -> bool:
        return self.method == "CONNECT"

    @property
    def url(self) -> str:
        """The URL whose host the program wants to reach."""
        return f"https://{self.target}/" if self.is_tunnel else self.target

    def header(self, name: str) -> str:
        """Return the value of a header; empty if the request has none."""
        found = [line for line in self.headers if line.lower().startswith(f"{name}:")]
        return found[0].partition(":")[2].strip() if found else ""


class GuardProxy:
    """Serves one program at a time, which it knows by a password."""

    def __init__(self, guard: UrlGuard, proxy: Proxy | None = None) -> None:
        """*proxy*: the egress proxy, through which connections leave as in ``http/proxy.py``."""
        self._guard = guard
        self._proxy = proxy

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Listen on a port of this machine; yield the proxy's URL, with a password of this run.

        When the context ends, the port and all connections are closed.
        """
        session = _Session(self._guard, self._proxy, secrets.token_urlsafe(32))
        server = await asyncio.start_server(session.serve, "127.0.0.1", 0, limit=HEAD_BYTES)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://{USER}:{session.password}@127.0.0.1:{port}"
        finally:
            server.close()
            await session.close()


class _Session:
    """The connections of one run."""

    def __init__(self, guard: UrlGuard, proxy: Proxy | None, password: str) -> None:
        self.password = password
        self._guard = guard
        self._proxy = proxy
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward the request of one connection, and close the connection."""
        task = asyncio.current_task()
        if task is None or len(self._serving) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._serving.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._forward(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()

    async def close(self) -> None:
        """End all connections."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SEC):
                request = _parsed(await reader.readuntil(b"\r\n\r\n"))
            self._check_password(request)
            target = await self._open(request)
        except _Refused as refusal:
            log.info("guard_proxy.refused", status=refusal.status.value, reason=refusal.reason)
            writer.write(_answer(refusal.status, refusal.reason))
            await writer.drain()
            return
        try:
            if request.is_tunnel:
                writer.write(_answer(HTTPStatus.OK, "Connection established"))
            await _exchange((reader, writer), target)
        finally:
            target[1].close()

    def _check_password(self, request: _Request) -> None:
        expected = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        given = request.header("proxy-authorization").removeprefix("Basic ")
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise _Refused(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, "the password is wrong")

    async def _open(self, request: _Request) -> _Streams:
        """Connect to the target of *request*, and send the head of the request if it is no tunnel.

        Raises:
            _Refused: the guard refuses the target, or the target cannot be reached.
        """
        try:
            self._guard.check_url(request.url)
            if not request.is_tunnel and not request.url.startswith("http://"):
                raise UrlRefused("an https URL needs a tunnel")
            async with asyncio.timeout(CONNECT_SEC):
                return await self._connected(request)
        except UrlRefused as error:
            raise _Refused(HTTPStatus.FORBIDDEN, error.message) from None
        except TimeoutError:
            raise _Refused(HTTPStatus.GATEWAY_TIMEOUT, "the target does not answer") from None
        except OSError as error:
            reason = error.strerror or "the target cannot be reached"
            raise _Refused(HTTPStatus.BAD_GATEWAY, reason) from None

    async def _connected(self, request: _Request) -> _Streams:
        parts = urlsplit(request.url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
        egress = self._proxy
        if egress is not None and egress.serves(self._guard, parsed_url(request.url)):
            return await self._through(egress, request, host, port)
        streams = await _first_of(await self._guard.resolve(host, port), port)
        if not request.is_tunnel:
            path = request.url.split("/", 3)[3:]
            streams[1].write(_head(request, f"/{''.join(path)}", []))
        return streams

    async def _through(self, egress: Proxy, request: _Request, host: str, port: int) -> _Streams:
        addresses = [host] if egress.resolves_names else await self._guard.resolve(host, port)
        credentials = [f"{name}: {value}" for name, value in egress.credentials.items()]
        streams = await asyncio.open_connection(egress.host, egress.port, limit=HEAD_BYTES)
        if not request.is_tunnel:
            streams[1].write(_head(request, request.url, credentials))
            return streams
        address = next(iter(addresses), "")
        authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *credentials, "", ""]
        streams[1].write("\r\n".join(lines).encode("latin-1"))
        try:
            answer = await streams[0].readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            answer = b""
        if answer.split(b" ", 2)[1:2] != [b"200"]:
            streams[1].close()
            raise _Refused(HTTPStatus.BAD_GATEWAY, "the egress proxy refuses the tunnel")
        return streams


def _parsed(head: bytes) -> _Request:
    line, *headers = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    words = line.split(" ")
    # A server may take a single CR or LF for the end of a line. After it a second request could
    # stand, whose target the guard has not checked.
    split = any(mark in one for one in (line, *headers) for mark in "\r\n\0")
    if split or len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - RFC 9112 §3
        raise _Refused(HTTPStatus.BAD_REQUEST, "not a request of HTTP/1")
    return _Request(words[0], words[1], headers)


def _head(request: _Request, target: str, added: list[str]) -> bytes:
    """Return the head for the target, which closes the connection after its answer."""
    kept = [line for line in request.headers if not line.lower().startswith(_DROPPED_HEADERS)]
    own = [f"Host: {urlsplit(request.url).netloc}", *added, "Connection: close"]
    lines = [f"{request.method} {target} HTTP/1.1", *kept, *own, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _answer(status: HTTPStatus, reason: str) -> bytes:
    if status is HTTPStatus.OK:
        return b"HTTP/1.1 200 Connection established\r\n\r\n"
    body = f"{reason}\n".encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if status is HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        lines.append("Proxy-Authenticate: Basic")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _first_of(addresses: Iterable[str], port: int) -> _Streams:
    """Connect to the first address that answers.

    Raises:
        OSError: none answers.
    """
    failure = OSError("the name has no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port)
        except OSError as error:
            failure = error
    raise failure


async def _exchange(client: _Streams, target: _Streams) -> None:
    """Pass bytes both ways until the target has ended its side, or one side breaks."""
    sending = asyncio.ensure_future(_copy(client[0], target[1]))
    try:
        await _copy(target[0], client[1])
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
