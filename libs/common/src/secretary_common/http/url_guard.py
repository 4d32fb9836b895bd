"""Which URLs Secretary may reach: public addresses on web ports, and what is allowed on top.

For webhooks and every fetch. A URL is vetted when it is accepted (``check_url``: what can be seen
without asking DNS) and again at each connection (``resolve``: every answer, then exactly these are
connected to). ``ipaddress.is_global`` alone is no guard: it lets multicast, NAT64, 6to4 and
metadata addresses through, and its verdicts changed between Python releases.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from urllib.parse import SplitResult, urlsplit

from secretary_common.errors import UrlRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[list[str]]]
"""Asks the name service once: (host, port) → addresses. Raises OSError for an unknown name."""

DEFAULT_PORTS = {"http": 80, "https": 443}
ALLOWED_PORTS = frozenset({80, 443, 8080, 8443})

# IANA's special-purpose registry, and what is public by number but not by use.
DENIED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the local machine
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT; Alibaba metadata (100.100.100.200)
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure WireServer
        "169.254.0.0/16",  # link-local; cloud metadata (169.254.169.254)
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle metadata (192.0.0.192)
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Everything else in IPv6 is denied: loopback, mapped, NAT64, unique and link local, multicast.
GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
DENIED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# RFC 5214 §6.1: an interface id of ::[02]00:5efe:a.b.c.d tunnels to a.b.c.d.
_ISATAP_MARKS = frozenset({0x00005EFE, 0x02005EFE})

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_NAME = re.compile(r"[a-z0-9._-]+")
_LONGEST_NAME = 254
"""RFC 1035 §2.3.4, and a dot at the end; more would take Unicode's normal form long to find."""
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


class UrlGuard:
    """Says which URLs and addresses may be reached."""

    def __init__(
        self, allow_networks: Iterable[Network] = (), *, lookup: Lookup | None = None
    ) -> None:
        """Let *allow_networks* through on any port; *lookup* replaces the system's resolver."""
        self._allowed = tuple(allow_networks)
        self._lookup = lookup or system_lookup

    def check_url(self, url: str) -> None:
        """Refuse what needs no DNS to be refused. Names are vetted when they are resolved.

        Raises:
            UrlRefused: not http or https, user info, no host, a port that is not a web port, or an
                address that is denied, in whatever spelling, or not in its plain one.
        """
        parts = _split(url)
        port = _port(parts)
        literal = _literal(parts)
        if literal is not None:
            self.check_endpoint(literal, port)
            if isinstance(literal, IPv4Address) and parts.hostname != str(literal):
                # Whoever connects reads 8.8.2056 or 010.8.8.8 in another way, or not at all.
                raise UrlRefused(f"write the address in its plain spelling, {literal}")
            if isinstance(literal, IPv6Address) and literal.scope_id and not self._allowed:
                raise UrlRefused("the address of the URL has a zone")
        elif port not in ALLOWED_PORTS and not self._allowed:
            raise UrlRefused(_bad_port(port))

    def check_address(self, address: str | Address) -> None:
        """Refuse an address that is denied, or text that is no address in its plain spelling.

        Raises:
            UrlRefused: it is.
        """
        vetted = _address(address)
        if not self._is_allowed(vetted) and is_denied(vetted):
            raise UrlRefused

    def check_endpoint(self, address: str | Address, port: int) -> None:
        """Refuse a denied address, and a port that is not a web port outside what is allowed.

        Raises:
            UrlRefused: it is.
        """
        self.check_address(address)
        if port not in ALLOWED_PORTS and not self._is_allowed(_address(address)):
            raise UrlRefused(_bad_port(port))

    async def resolve(self, host: str, port: int) -> list[str]:
        """Every address of *host*, asked for once and vetted; connect to these and no others.

        Raises:
            UrlRefused: any one of the answers is denied.
            OSError: the name is unknown, or the name service does not answer.
        """
        try:
            answers = await self._lookup(host, port)
        except UnicodeError:
            raise UrlRefused("the host of the URL is not a valid name") from None
        for answer in answers:
            self.check_endpoint(answer, port)
        return answers

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._allowed)


def is_denied(address: Address) -> bool:
    """Whether *address* is anything but a public unicast address."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in DENIED_IPV4)
    if address not in GLOBAL_UNICAST_IPV6 or any(address in network for network in DENIED_IPV6):
        return True
    low = int(address) & 0xFFFFFFFF
    is_isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP_MARKS
    return is_isatap and is_denied(IPv4Address(low))


def origin_of(url: str) -> str:
    """The origin of *url*: ``scheme://host:port``, the port always there.

    Raises:
        UrlRefused: *url* has none.
    """
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{_port(parts)}"


async def system_lookup(host: str, port: int) -> list[str]:
    """Ask the system's resolver once; the answers without repetitions, in its order."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _split(url: str) -> SplitResult:
    if _UNSAFE.search(url):
        raise UrlRefused("the URL contains white space, control characters or backslashes")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UrlRefused("the URL does not parse") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise UrlRefused("the URL is not http or https")
    if "@" in parts.netloc:
        raise UrlRefused("the URL carries user information")
    if not parts.hostname:
        raise UrlRefused("the URL has no host")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise UrlRefused("the port of the URL is not a number up to 65535") from None
    return DEFAULT_PORTS[parts.scheme] if port is None else port


def _literal(parts: SplitResult) -> Address | None:
    """The address the host spells, in any form a resolver would read as one; None for a name."""
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return _address(host)
    try:
        if len(host) > _LONGEST_NAME:
            raise UrlRefused("the host of the URL is not a valid name")
        # Nameprep: full-width digits and the other full stops become ASCII, as in a resolver.
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name):
        raise UrlRefused("the host of the URL is not a valid name")
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return None
    try:
        # What ends in a number is an address (WHATWG URL, "ends in a number"): 127.1, 0x7f.1, …
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        raise UrlRefused("the host of the URL is not a valid address") from None


def _address(address: str | Address) -> Address:
    try:
        return ip_address(address)
    except ValueError:
        raise UrlRefused("the host of the URL is not a valid address") from None


def _bad_port(port: int) -> str:
    return f"port {port} is not one of {', '.join(map(str, sorted(ALLOWED_PORTS)))}"
