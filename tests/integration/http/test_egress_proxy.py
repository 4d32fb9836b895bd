"""Requests through a proxy: the address is vetted here, the name is the URL's, no byte is lost."""

import ssl
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from support.certificate import Authority
from support.egress_proxy import egress_proxy
from support.raw_server import raw_server
from support.signed_url import TARGETS

from secretary_common.errors import UrlRefused
from secretary_common.http.egress import Peer, guarded_client, guarded_session, peer_address
from secretary_common.http.proxy import Proxy
from secretary_common.http.tls import client_tls
from secretary_common.http.url_guard import UrlGuard

NETWORK = ip_network("10.9.0.0/16")
NAME = "receiver.example"


async def lookup(host: str, port: int) -> list[str]:
    """Resolve every name to an address in a network that no packet gets to."""
    return ["10.9.8.7"]


async def denied(host: str, port: int) -> list[str]:
    return ["169.254.169.254"]


async def unknown(host: str, port: int) -> list[str]:
    raise OSError(f"no name service here for {host}")


GUARD = UrlGuard([NETWORK], lookup=lookup)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    return client_tls(authority.file)


@pytest.mark.parametrize("target", TARGETS)
async def test_a_tunnel_leads_to_the_vetted_address_under_the_name_of_the_url(
    authority: Authority, trusting: ssl.SSLContext, target: str
) -> None:
    async with raw_server(tls=authority.server(NAME)) as server, egress_proxy() as proxy:
        url = f"https://{NAME}:{server.port}{target}"
        client = guarded_client(GUARD, tls=trusting, proxy=Proxy(proxy.url))
        async with client:
            response = await client.get(url)
        session = guarded_session(GUARD, tls=trusting, proxy=Proxy(proxy.url))
        peer = Peer()
        async with session:
            answer = await session.post(url, b"{}", {}, peer)
            answer.close()
    assert (response.status_code, answer.status) == (200, 200)
    assert proxy.lines == [f"CONNECT 10.9.8.7:{server.port} HTTP/1.1"] * 2
    assert server.targets == [target] * 2
    assert {each.headers["host"] for each in server.requests} == {f"{NAME}:{server.port}"}
    assert (peer.address, peer_address(response.request)) == ("10.9.8.7", "10.9.8.7")


async def test_the_certificate_is_checked_against_the_name_not_the_address(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    other = authority.server("other.example")
    async with (
        raw_server(tls=other) as server,
        egress_proxy() as proxy,
        guarded_client(GUARD, tls=trusting, proxy=Proxy(proxy.url)) as client,
    ):
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://{NAME}:{server.port}/")
    assert server.requests == []


@pytest.mark.parametrize("target", TARGETS)
async def test_an_http_url_is_given_to_the_proxy_byte_for_byte(target: str) -> None:
    async with raw_server() as server, egress_proxy() as proxy:
        url = f"http://{NAME}:{server.port}{target}"
        async with guarded_client(GUARD, proxy=Proxy(proxy.url)) as client:
            assert (await client.get(url)).status_code == 200
    assert proxy.lines == [f"GET {url} HTTP/1.1"]
    assert server.targets == [target]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_that_leads_to_a_denied_address_never_reaches_the_proxy(scheme: str) -> None:
    async with egress_proxy() as proxy:
        guard = UrlGuard(lookup=denied)
        async with guarded_client(guard, proxy=Proxy(proxy.url)) as client:
            with pytest.raises(UrlRefused, match=r"169\.254\.169\.254"):
                await client.get(f"{scheme}://metadata.example/")
    assert proxy.lines == []


async def test_where_only_the_proxy_resolves_names_it_gets_the_name(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    async with raw_server(tls=authority.server(NAME)) as server, egress_proxy() as proxy:
        guard = UrlGuard([NETWORK], lookup=unknown)
        through = Proxy(proxy.url, resolves_names=True)
        async with guarded_client(guard, tls=trusting, proxy=through) as client:
            assert (await client.get(f"https://{NAME}:{server.port}/")).status_code == 200
            with pytest.raises(UrlRefused):
                await client.get("https://169.254.169.254/")
    assert proxy.lines == [f"CONNECT {NAME}:{server.port} HTTP/1.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_proxy_gets_its_credentials_and_the_server_does_not(
    authority: Authority, trusting: ssl.SSLContext, scheme: str
) -> None:
    tls = authority.server(NAME) if scheme == "https" else None
    async with raw_server(tls=tls) as server, egress_proxy() as proxy:
        url = f"http://secretary:p%40ss@127.0.0.1:{proxy.port}"
        async with guarded_client(GUARD, tls=trusting, proxy=Proxy(url)) as client:
            assert (await client.get(f"{scheme}://{NAME}:{server.port}/")).status_code == 200
    # base64 of secretary:p@ss
    assert proxy.headers[0]["proxy-authorization"] == "Basic c2VjcmV0YXJ5OnBAc3M="
    if scheme == "https":
        assert "proxy-authorization" not in server.requests[0].headers


async def test_allowed_hosts_are_reached_without_the_proxy() -> None:
    async with raw_server() as server, egress_proxy() as proxy:
        guard = UrlGuard(allow_hosts=["app"], lookup=loopback)
        async with guarded_client(guard, proxy=Proxy(proxy.url)) as client:
            assert (await client.get(f"http://app:{server.port}/")).status_code == 200
    assert proxy.lines == []


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_a_refusal_of_the_proxy_is_told_apart_from_the_server() -> None:
    async with egress_proxy() as proxy:
        proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        async with guarded_client(GUARD, proxy=Proxy(proxy.url)) as client:
            with pytest.raises(httpx.ProxyError):
                await client.get(f"https://{NAME}/")
