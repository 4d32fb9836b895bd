"""The proxy of one program forwards only what the URL guard allows, to the checked address."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from support.egress_proxy import egress_proxy
from support.tcp_server import tcp_server

from secretary_common.http.guard_proxy import GuardProxy
from secretary_common.http.proxy import Proxy
from secretary_common.http.url_guard import UrlGuard

LOOPBACK = [ip_network("127.0.0.0/8")]
NAME = "video.example"


@dataclass
class Names:
    """A name service that answers each question with the next address."""

    addresses: list[str]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return [self.addresses[min(len(self.asked), len(self.addresses)) - 1]]


@dataclass
class Target:
    """A server that notes the first bytes of each connection and answers ``pong``."""

    port: int = 0
    got: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.got.append(await reader.read(4096))
        writer.write(b"pong")
        await writer.drain()


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    one = Target()
    async with tcp_server(one.serve) as one.port:
        yield one


@asynccontextmanager
async def connection(
    proxy_url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(proxy_url).port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(proxy_url: str, method: str, target: str, password: str | None = None) -> bytes:
    parts = urlsplit(proxy_url)
    user = f"{parts.username}:{password or parts.password}"
    credentials = base64.b64encode(user.encode()).decode()
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {target}",
        f"Proxy-Authorization: Basic {credentials}",
        "Proxy-Connection: keep-alive",
        "X-Mine: 1",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def status(proxy_url: str, method: str, target: str, password: str | None = None) -> int:
    """Return the status of the proxy's answer."""
    async with connection(proxy_url) as (reader, writer):
        writer.write(head(proxy_url, method, target, password))
        return int((await reader.readline()).split()[1])


async def test_a_tunnel_passes_bytes_both_ways(target: Target) -> None:
    guard = UrlGuard(LOOPBACK, lookup=Names(["127.0.0.1"]))
    async with GuardProxy(guard).running() as url, connection(url) as (reader, writer):
        writer.write(head(url, "CONNECT", f"{NAME}:{target.port}"))
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ping")
        assert await reader.read() == b"pong"
    assert target.got == [b"ping"]


async def test_a_plain_request_reaches_its_target_without_the_headers_of_the_proxy(
    target: Target,
) -> None:
    guard = UrlGuard(LOOPBACK, lookup=Names(["127.0.0.1"]))
    async with GuardProxy(guard).running() as url, connection(url) as (reader, writer):
        writer.write(head(url, "GET", f"http://{NAME}:{target.port}/a?b=c"))
        assert await reader.read() == b"pong"
    (got,) = target.got
    assert got.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"X-Mine: 1\r\n" in got
    assert b"Connection: close\r\n" in got
    assert f"Host: {NAME}:{target.port}\r\n".encode() in got
    assert got.count(b"Host: ") == 1, "only the host that was checked"
    assert b"Proxy" not in got


@pytest.mark.parametrize("end", ["\n", "\r", "\n\n", "\0"])
async def test_no_second_request_hides_in_a_header(target: Target, end: str) -> None:
    guard = UrlGuard(LOOPBACK, lookup=Names(["127.0.0.1"]))
    async with GuardProxy(guard).running() as url, connection(url) as (reader, writer):
        request = head(url, "GET", f"http://{NAME}:{target.port}/")
        hidden = f"X-Mine: 1{end}GET http://169.254.169.254/ HTTP/1.1".encode()
        writer.write(request.replace(b"X-Mine: 1", hidden))
        assert b" 400 " in await reader.readline()
    assert target.got == []


@pytest.mark.parametrize(
    ("method", "where"),
    [
        ("CONNECT", "127.0.0.1:{port}"),
        ("CONNECT", "169.254.169.254:443"),
        ("CONNECT", "[::1]:443"),
        ("CONNECT", "[::ffff:127.0.0.1]:443"),
        ("CONNECT", "0x7f.1:443"),
        ("CONNECT", f"{NAME}:443"),
        ("CONNECT", f"{NAME}:22"),
        ("CONNECT", f"user@{NAME}:443"),
        ("CONNECT", f"{NAME}:443/path@127.0.0.1"),
        ("GET", "http://127.0.0.1:{port}/"),
        ("GET", f"http://{NAME}/"),
        ("GET", "http://mongo:27017/"),
        ("GET", f"https://{NAME}/"),
        ("GET", "file:///etc/passwd"),
        ("GET", "/"),
    ],
)
async def test_what_the_guard_refuses_is_not_reached(
    target: Target, method: str, where: str
) -> None:
    guard = UrlGuard(lookup=Names(["127.0.0.1"]))
    async with GuardProxy(guard).running() as url:
        assert await status(url, method, where.format(port=target.port)) == 403
    assert target.got == []


async def test_a_name_is_resolved_once_and_the_checked_address_is_reached(target: Target) -> None:
    names = Names(["127.0.0.1", "169.254.169.254"])
    guard = UrlGuard(LOOPBACK, lookup=names)
    async with GuardProxy(guard).running() as url:
        assert await status(url, "CONNECT", f"{NAME}:{target.port}") == 200
        assert names.asked == [NAME]
        assert await status(url, "CONNECT", f"{NAME}:{target.port}") == 403, "a changed address"


async def test_only_the_program_with_the_password_of_this_run_is_served(target: Target) -> None:
    guard = UrlGuard(LOOPBACK)
    where = f"127.0.0.1:{target.port}"
    async with GuardProxy(guard).running() as other, GuardProxy(guard).running() as url:
        assert await status(url, "CONNECT", where, urlsplit(other).password) == 407
        assert await status(url, "CONNECT", where, "x") == 407
        async with connection(url) as (reader, writer):
            writer.write(f"CONNECT {where} HTTP/1.1\r\n\r\n".encode())
            assert b" 407 " in await reader.read()
    assert target.got == []


async def test_an_unknown_name_is_a_passing_failure() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    async with GuardProxy(UrlGuard(lookup=unknown)).running() as url:
        assert await status(url, "CONNECT", f"{NAME}:443") == 502


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET x\r\n\r\n", b"GET / SMTP/1.0\r\n\r\n"])
async def test_something_else_than_http_is_refused(sent: bytes) -> None:
    async with GuardProxy(UrlGuard()).running() as url, connection(url) as (reader, writer):
        writer.write(sent)
        assert b" 400 " in await reader.read()


async def test_a_head_without_end_closes_the_connection() -> None:
    async with GuardProxy(UrlGuard()).running() as url, connection(url) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
        answer = b""
        with suppress(ConnectionError):  # bytes that the proxy has not read reset the connection
            answer = await reader.read()
        assert answer == b""


async def test_after_its_run_the_proxy_has_no_port_and_no_connection(target: Target) -> None:
    guard = UrlGuard(LOOPBACK)
    async with GuardProxy(guard).running() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(head(url, "CONNECT", f"127.0.0.1:{target.port}"))
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", urlsplit(url).port)


async def test_connections_leave_through_the_egress_proxy(target: Target) -> None:
    network = [ip_network("10.9.0.0/16")]
    guard = UrlGuard(network, lookup=Names(["10.9.8.7"]))
    async with egress_proxy() as egress:
        proxy = Proxy(egress.url.replace("//", "//me:secret@"))
        async with GuardProxy(guard, proxy).running() as url:
            assert await status(url, "CONNECT", f"{NAME}:{target.port}") == 200
            async with connection(url) as (reader, writer):
                writer.write(head(url, "GET", f"http://{NAME}:{target.port}/a"))
                assert await reader.read() == b"pong"
    assert egress.lines == [
        f"CONNECT 10.9.8.7:{target.port} HTTP/1.1",
        f"GET http://{NAME}:{target.port}/a HTTP/1.1",
    ]
    expected = f"Basic {base64.b64encode(b'me:secret').decode()}"
    assert [one["proxy-authorization"] for one in egress.headers] == [expected] * 2


async def test_a_tunnel_that_the_egress_proxy_refuses_is_a_passing_failure() -> None:
    guard = UrlGuard([ip_network("10.9.0.0/16")], lookup=Names(["10.9.8.7"]))
    async with egress_proxy() as egress:
        egress.refusal = b"HTTP/1.1 403 Forbidden\r\n\r\n"
        async with GuardProxy(guard, Proxy(egress.url)).running() as url:
            assert await status(url, "CONNECT", f"{NAME}:443") == 502
