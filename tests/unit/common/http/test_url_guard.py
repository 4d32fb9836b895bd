"""The URL guard refuses hostile URLs of every class and allows public ones."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Network

import pytest
from support.cpu_time import cpu_time_below
from support.hostile_urls import HOSTILE_URLS, PUBLIC_URLS

from secretary_common.errors import UrlRefused
from secretary_common.http.url_guard import UrlGuard, origin_of


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_url_is_refused_without_dns(url: str) -> None:
    with pytest.raises(UrlRefused):
        UrlGuard().check_url(url)


@pytest.mark.parametrize("name", ["\u1100" + "\u0327\u0301" * 2000, "ü." * 2000, "a" * 8000])
def test_a_host_that_is_longer_than_a_name_can_be_is_refused_at_once(name: str) -> None:
    with cpu_time_below(1), pytest.raises(UrlRefused):
        UrlGuard().check_url(f"http://{name}.de/")


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_a_public_url_passes(url: str) -> None:
    UrlGuard().check_url(url)


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0x7f.1", "example.com", "", "::1%lo"])
def test_only_a_public_address_in_its_usual_form_is_accepted(spelling: str) -> None:
    with pytest.raises(UrlRefused):
        UrlGuard().check_address(spelling)


def answering(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def lookup(host: str, port: int) -> list[str]:
        return list(addresses)

    return lookup


async def test_every_answer_of_a_public_name_is_returned() -> None:
    guard = UrlGuard(lookup=answering("93.184.216.34", "2606:2800:220:1::1"))
    assert await guard.resolve("example.com", 443) == ["93.184.216.34", "2606:2800:220:1::1"]


@pytest.mark.parametrize(
    "bad", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"]
)
async def test_one_denied_address_among_many_refuses_the_name(bad: str) -> None:
    guard = UrlGuard(lookup=answering("93.184.216.34", bad))
    with pytest.raises(UrlRefused):
        await guard.resolve("example.com", 443)


async def test_a_name_is_resolved_once() -> None:
    asked = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["93.184.216.34"]

    await UrlGuard(lookup=lookup).resolve("example.com", 443)
    assert asked == [("example.com", 443)]


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433"])
async def test_names_and_forms_of_the_system_resolver_are_checked_too(host: str) -> None:
    with pytest.raises(UrlRefused):
        await UrlGuard().resolve(host, 80)


async def test_a_name_that_cannot_be_encoded_is_refused() -> None:
    with pytest.raises(UrlRefused):
        await UrlGuard().resolve("a" * 70 + ".com", 80)


class TestAllowedNetworks:
    guard = UrlGuard(
        [IPv4Network("127.0.0.0/8"), IPv6Network("fd00::/8")], lookup=answering("127.0.0.1")
    )

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:9999/", "http://127.0.0.2/", "http://[fd00::1]:81/"]
    )
    def test_inside_an_allowed_network_any_port_is_allowed(self, url: str) -> None:
        self.guard.check_url(url)

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.1:9999/",
            "http://2130706433/",
            "http://127.0.0.1.:9400/",
            "http://127\u30020\u30020\u30021:81/",
            "http://0177.0.0.1/",
        ],
    )
    def test_inside_an_allowed_network_too_only_the_usual_form_is_accepted(self, url: str) -> None:
        with pytest.raises(UrlRefused, match=r"usual form, 127\.0\.0\.1"):
            self.guard.check_url(url)

    @pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://[::1]/", "http://8.8.8.8:9999/"])
    def test_outside_the_allowed_networks_nothing_changes(self, url: str) -> None:
        with pytest.raises(UrlRefused):
            self.guard.check_url(url)

    async def test_a_name_on_another_port_is_decided_by_its_addresses(self) -> None:
        self.guard.check_url("http://receiver:9000/")
        assert await self.guard.resolve("receiver", 9000) == ["127.0.0.1"]

    async def test_a_name_with_one_address_outside_allows_only_web_ports(self) -> None:
        guard = UrlGuard(
            [IPv4Network("127.0.0.0/8")], lookup=answering("127.0.0.1", "93.184.216.34")
        )
        assert await guard.resolve("mixed.example", 8080) == ["127.0.0.1", "93.184.216.34"]
        with pytest.raises(UrlRefused):
            await guard.resolve("mixed.example", 9000)


class TestAllowedHosts:
    guard = UrlGuard(allow_hosts=["app", "API:8000"], lookup=answering("172.18.0.5"))

    @pytest.mark.parametrize(
        "url", ["http://app:9/", "https://APP/", "http://app.:80/", "http://api:8000/"]
    )
    async def test_a_name_is_allowed_on_any_port_and_with_a_port_on_this_one(
        self, url: str
    ) -> None:
        self.guard.check_url(url)
        host, port = origin_of(url).split("//")[1].split(":")
        assert await self.guard.resolve(host, int(port)) == ["172.18.0.5"]
        self.guard.check_connection("172.18.0.5", int(port))

    @pytest.mark.parametrize(("host", "port"), [("api", 80), ("xapp", 80), ("app.example", 80)])
    async def test_other_names_and_ports_are_not_allowed(self, host: str, port: int) -> None:
        await self.guard.resolve("app", port)
        with pytest.raises(UrlRefused, match=r"172\.18\.0\.5"):
            await self.guard.resolve(host, port)

    async def test_the_address_of_an_allowed_host_is_not_allowed_by_itself(self) -> None:
        await self.guard.resolve("app", 80)
        with pytest.raises(UrlRefused):
            self.guard.check_url("http://172.18.0.5/")

    def test_a_refused_port_is_named_with_the_settings_that_can_allow_it(self) -> None:
        with pytest.raises(UrlRefused) as refused:
            UrlGuard().check_url("http://app:8000/")
        assert refused.value.message == (
            "port 8000 is not one of 80, 443, 8080, 8443; security.allow_networks can allow it, "
            "so can security.allow_hosts (app:8000)"
        )


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.com/a?b", "https://example.com:443"),
        ("http://example.com./", "http://example.com:80"),
        ("http://example.com:8080", "http://example.com:8080"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]:443"),
    ],
)
def test_an_origin_always_contains_the_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
