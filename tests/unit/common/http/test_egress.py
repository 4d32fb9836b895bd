"""The guarded client with a local server: allowed and denied requests."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Network
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from support.certificate import self_signed
from support.tcp_server import tcp_server

from secretary_common.errors import UrlRefused
from secretary_common.http.egress import guarded_client, peer_address
from secretary_common.http.url_guard import UrlGuard

LOOPBACK = IPv4Network("127.0.0.0/8")


def answering(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def lookup(host: str, port: int) -> list[str]:
        return list(addresses)

    return lookup


@pytest.fixture
async def server() -> AsyncIterator[tuple[int, list[str]]]:
    """Yield the port of a local server and a list of the requested paths."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/moved":
            raise web.HTTPFound("/elsewhere")
        if request.path == "/cookie":
            return web.Response(
                headers={"Set-Cookie": "a=b"}, text=str("Cookie" in request.headers)
            )
        body = bytes.fromhex("1f8b") if request.path == "/gzip" else b"hello"
        return web.Response(
            body=body, headers={"Content-Encoding": "gzip"} if request.path == "/gzip" else {}
        )

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1], asked
    await runner.cleanup()


async def test_an_allowed_server_answers_and_its_address_is_known(
    server: tuple[int, list[str]],
) -> None:
    port, _ = server
    async with guarded_client(UrlGuard([LOOPBACK])) as client:
        for _ in range(2):  # a new connection, then the same one
            response = await client.get(f"http://127.0.0.1:{port}/")
            assert response.text == "hello"
            assert peer_address(response.request) == "127.0.0.1"


async def test_a_name_is_reached_at_its_checked_address(server: tuple[int, list[str]]) -> None:
    port, _ = server
    guard = UrlGuard([LOOPBACK], lookup=answering("127.0.0.1"))
    async with guarded_client(guard) as client:
        response = await client.get(f"http://receiver.example:{port}/")
        assert response.status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost"])
async def test_a_denied_server_gets_no_connection(server: tuple[int, list[str]], host: str) -> None:
    port, asked = server
    guard = UrlGuard([IPv4Network("10.99.0.0/16")])
    async with guarded_client(guard) as client:
        with pytest.raises(UrlRefused):
            await client.get(f"http://{host}:{port}/")
    assert asked == []


async def test_a_name_that_resolves_to_a_denied_address_is_refused() -> None:
    async with guarded_client(UrlGuard(lookup=answering("169.254.169.254"))) as client:
        request = client.build_request("GET", "http://metadata.example/")
        with pytest.raises(UrlRefused):
            await client.send(request)
        assert peer_address(request) is None


async def test_a_redirect_is_not_followed(server: tuple[int, list[str]]) -> None:
    port, asked = server
    async with guarded_client(UrlGuard([LOOPBACK])) as client:
        response = await client.get(f"http://127.0.0.1:{port}/moved")
    assert response.status_code == 302
    assert asked == ["/moved"]


async def test_no_cookie_is_kept(server: tuple[int, list[str]]) -> None:
    port, _ = server
    async with guarded_client(UrlGuard([LOOPBACK])) as client:
        await client.get(f"http://127.0.0.1:{port}/cookie")
        response = await client.get(f"http://127.0.0.1:{port}/cookie")
    assert response.text == "False"
    assert not client.cookies


async def test_a_compressed_body_arrives_as_sent(server: tuple[int, list[str]]) -> None:
    port, _ = server
    async with (
        guarded_client(UrlGuard([LOOPBACK])) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/gzip") as response,
    ):
        assert b"".join([chunk async for chunk in response.aiter_raw()]) == bytes.fromhex("1f8b")


async def test_a_proxy_in_the_environment_is_ignored(
    server: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, _ = server
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with guarded_client(UrlGuard([LOOPBACK])) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200


async def test_a_response_that_is_not_http_is_an_httpx_error() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 this is not HTTP\r\n\r\n")

    async with tcp_server(babble) as port, guarded_client(UrlGuard([LOOPBACK])) as client:
        with pytest.raises(httpx.HTTPError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_connection_closed_without_a_response_is_a_read_error() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp_server(hang_up) as port, guarded_client(UrlGuard([LOOPBACK])) as client:
        with pytest.raises(httpx.ReadError):
            await client.post(f"http://127.0.0.1:{port}/")


async def test_a_refused_connection_is_a_connect_error_with_its_address(
    unused_port: int,
) -> None:
    async with guarded_client(UrlGuard([LOOPBACK])) as client:
        request = client.build_request("GET", f"http://127.0.0.1:{unused_port}/")
        with pytest.raises(httpx.ConnectError):
            await client.send(request)
        assert peer_address(request) == "127.0.0.1"


@pytest.fixture
async def unused_port() -> int:
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port: int = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    return port


class TestTls:
    """A server with a self-signed certificate for ``receiver.example``."""

    @pytest.fixture
    async def tls_port(self, certificate: Path) -> AsyncIterator[int]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        application = web.Application()
        application.router.add_get("/", _hello)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield runner.addresses[0][1]
        await runner.cleanup()

    @pytest.fixture
    def trusting(self, certificate: Path) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(certificate))

    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        return self_signed(tmp_path)

    guard = UrlGuard([LOOPBACK], lookup=answering("127.0.0.1"))

    async def test_the_certificate_is_checked_against_the_name(
        self, tls_port: int, trusting: ssl.SSLContext
    ) -> None:
        async with guarded_client(self.guard, tls=trusting) as client:
            right = await client.get(f"https://receiver.example:{tls_port}/")
            assert right.status_code == 200
            with pytest.raises(httpx.ConnectError):
                await client.get(f"https://other.example:{tls_port}/")

    async def test_an_unknown_authority_is_refused(self, tls_port: int) -> None:
        async with guarded_client(self.guard) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"https://receiver.example:{tls_port}/")


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")
