"""The URL guard against hostile URLs of every class, and against over-zealousness."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network, IPv6Network

import pytest

from secretary_common.errors import UrlRefused
from secretary_common.url_guard import UrlGuard, origin_of

HOSTILE_URLS = [
    # schemes
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "",
    # no host, user information, parser tricks
    "http://",
    "http:///path",
    "http://:80/",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http://exam ple.com/",
    "http://example.com/\r\nX-Injected: 1",
    "http://example.com/\tpath",
    " http://example.com/",
    "http://127.0.0.%31/",
    "http://[::1/",
    "http://[v1.fe80]/",
    "http://exa\uff0fmple.com/",
    "http://" + "a" * 64 + ".com/",
    "http://a..b/",
    "http://exa!mple.com/",
    # ports
    "http://example.com:22/",
    "http://example.com:0/",
    "http://example.com:6379/",
    "http://example.com:99999/",
    "http://example.com:abc/",
    "http://8.8.8.8:27017/",
    # loopback in every spelling
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0x7F.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.000.000.001/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "http://127\u30020\u30020\u30021/",
    "http://127\uff0e0\uff0e0\uff0e1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://0x/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    # IPv4 inside IPv6
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:7f00:1]/",
    "http://[::5efe:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::1]/",
    "http://[2001:0:7f00:1::1]/",
    "http://[2a00:1450::5efe:10.0.0.1]/",
    "http://[2a00:1450::200:5efe:a9fe:a9fe]/",
    # private, link local, special
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[100::1]/",
    # metadata services
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://[fd00:ec2::254]/",
    "http://0xa9fea9fe/",
]

PUBLIC_URLS = [
    "http://example.com/",
    "https://example.com/hook?x=1#fragment",
    "https://example.com:8443/",
    "http://example.com:8080/",
    "HTTPS://EXAMPLE.COM/",
    "https://example.com./",
    "https://bücher.example/",
    "https://xn--bcher-kva.example/",
    "https://under_score.example.com/",
    "https://127.0.0.1.example.com/",
    "http://8.8.8.8/",
    "http://168.63.129.17/",
    "http://172.32.0.1/",
    "https://[2606:4700:4700::1111]/",
    "https://[2001:4860:4860::8888]:443/",
    "https://example.com/{jobId}",
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_url_is_refused_before_any_lookup(url: str) -> None:
    with pytest.raises(UrlRefused):
        UrlGuard().check_url(url)


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_a_public_url_passes(url: str) -> None:
    UrlGuard().check_url(url)


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0x7f.1", "example.com", "", "::1%lo"])
def test_only_a_plainly_spelled_public_address_is_an_address(spelling: str) -> None:
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
async def test_one_bad_answer_among_many_refuses_the_name(bad: str) -> None:
    guard = UrlGuard(lookup=answering("93.184.216.34", bad))
    with pytest.raises(UrlRefused):
        await guard.resolve("example.com", 443)


async def test_a_name_is_asked_for_once() -> None:
    asked = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["93.184.216.34"]

    await UrlGuard(lookup=lookup).resolve("example.com", 443)
    assert asked == [("example.com", 443)]


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433"])
async def test_the_systems_own_names_and_spellings_are_vetted_too(host: str) -> None:
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
        "url", ["http://127.0.0.1:9999/", "http://127.1:9999/", "http://[fd00::1]:81/"]
    )
    def test_inside_them_any_port_is_allowed(self, url: str) -> None:
        self.guard.check_url(url)

    @pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://[::1]/", "http://8.8.8.8:9999/"])
    def test_outside_them_nothing_changes(self, url: str) -> None:
        with pytest.raises(UrlRefused):
            self.guard.check_url(url)

    async def test_a_name_on_another_port_is_decided_by_its_addresses(self) -> None:
        self.guard.check_url("http://receiver:9000/")
        assert await self.guard.resolve("receiver", 9000) == ["127.0.0.1"]

    async def test_a_name_with_one_address_outside_has_web_ports_only(self) -> None:
        guard = UrlGuard(
            [IPv4Network("127.0.0.0/8")], lookup=answering("127.0.0.1", "93.184.216.34")
        )
        assert await guard.resolve("mixed.example", 8080) == ["127.0.0.1", "93.184.216.34"]
        with pytest.raises(UrlRefused):
            await guard.resolve("mixed.example", 9000)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.com/a?b", "https://example.com:443"),
        ("http://example.com./", "http://example.com:80"),
        ("http://example.com:8080", "http://example.com:8080"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]:443"),
    ],
)
def test_an_origin_always_names_its_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
