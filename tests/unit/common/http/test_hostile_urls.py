"""Hostile URLs against the guarded client: no connection is started.

The name service is the test's own, and every attempt to connect is caught where asyncio makes it.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from support.hostile_urls import (
    HOSTILE_NAMES,
    HOSTILE_URLS,
    PUBLIC_ADDRESS,
    PUBLIC_NAMES,
)

from secretary_common.errors import UrlRefused
from secretary_common.http.egress import guarded_client, peer_address
from secretary_common.http.url_guard import UrlGuard


class Network:
    """Makes no connection; records the addresses that would have been connected to."""

    def __init__(self, answers: Mapping[str, tuple[str, ...]]) -> None:
        self.connected: list[str] = []
        self.asked: list[str] = []
        self.answers = {_host(url): addresses for url, addresses in answers.items()}

    async def lookup(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return list(self.answers.get(host, (PUBLIC_ADDRESS,)))

    async def sock_connect(self, _sock: socket.socket, address: Any) -> None:
        self.connected.append(str(address[0]))
        raise ConnectionRefusedError

    async def getaddrinfo(self, host: Any, *_: Any, **__: Any) -> Any:
        raise AssertionError(f"the system's resolver was asked for {host}")

    async def post(self, url: str) -> httpx.Request:
        async with guarded_client(UrlGuard(lookup=self.lookup)) as client:
            request = client.build_request("POST", url, content=b"{}")
            await client.send(request)
        return request


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").encode("idna").decode()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    caught = Network(HOSTILE_NAMES | PUBLIC_NAMES)
    loop = asyncio.SelectorEventLoop
    monkeypatch.setattr(loop, "sock_connect", caught.sock_connect)
    monkeypatch.setattr(loop, "getaddrinfo", caught.getaddrinfo)
    return caught


def test_the_table_has_every_class_and_more_than_eighty_rows() -> None:
    assert len(set(HOSTILE_URLS) | set(HOSTILE_NAMES)) >= 130


@pytest.mark.parametrize("url", [*HOSTILE_URLS, *HOSTILE_NAMES])
async def test_a_hostile_url_starts_no_connection(network: Network, url: str) -> None:
    with pytest.raises((UrlRefused, httpx.InvalidURL, httpx.UnsupportedProtocol)):
        await network.post(url)
    assert network.connected == []


@pytest.mark.parametrize("url", PUBLIC_NAMES)
async def test_a_public_url_is_reached_only_at_the_checked_address(
    network: Network, url: str
) -> None:
    with pytest.raises(httpx.ConnectError):
        await network.post(url)
    expected = PUBLIC_NAMES[url] or (_host(url),)
    assert network.connected
    assert set(network.connected) <= set(expected)


async def test_a_name_is_resolved_once_for_each_request_and_checked_each_time(
    network: Network,
) -> None:
    network.answers["rebound.example"] = (PUBLIC_ADDRESS,)
    with pytest.raises(httpx.ConnectError):
        await network.post("http://rebound.example/")
    assert network.asked == ["rebound.example"]
    network.answers["rebound.example"] = ("169.254.169.254",)
    with pytest.raises(UrlRefused):
        await network.post("http://rebound.example/")
    assert set(network.connected) == {PUBLIC_ADDRESS}


async def test_a_name_whose_address_changes_during_a_connect_gets_no_connection(
    network: Network,
) -> None:
    """The client connects to the checked address; it does not ask DNS again."""
    answers = iter([(PUBLIC_ADDRESS,), ("127.0.0.1",)])

    async def fickle(host: str, port: int) -> list[str]:
        return list(next(answers))

    async with guarded_client(UrlGuard(lookup=fickle)) as client:
        request = client.build_request("POST", "http://fickle.example/")
        with pytest.raises(httpx.ConnectError):
            await client.send(request)
    assert network.connected == [PUBLIC_ADDRESS]
    assert peer_address(request) == PUBLIC_ADDRESS
