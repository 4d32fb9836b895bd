"""Decides which URLs Secretary may reach: public ones on web ports, allowed networks and hosts.

The guard applies to webhooks and every fetch. It checks a URL when the URL is accepted
(``check_url``, without DNS), and again at each connection: ``resolve`` checks every answer of DNS,
and connections go only to these addresses. ``ipaddress.is_global`` alone does not suffice: it
allows multicast, NAT64, 6to4 and metadata addresses, and it changed between Python releases.
"""

from __future__ import annotations

import asyncio
import functools
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
from secretary_common.http.exact_url import LONGEST_NAME

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[list[str]]]
"""Asks DNS once: (host, port) → addresses. Raises OSError for an unknown name."""

DEFAULT_PORTS = {"http": 80, "https": 443}
ALLOWED_PORTS = frozenset({80, 443, 8080, 8443})

# IANA's special-purpose registry, and public addresses that are used for internal services.
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
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
BY_NETWORK = "security.allow_networks can allow it"
BY_HOST = "so can security.allow_hosts"


class UrlGuard:
    """Decides which URLs and addresses may be reached."""

    def __init__(
        self,
        allow_networks: Iterable[Network] = (),
        *,
        allow_hosts: Iterable[str] = (),
        lookup: Lookup | None = None,
    ) -> None:
        """Allow networks and hosts in addition to public addresses on web ports.

        Args:
            allow_networks: networks that may be reached, on any port.
            allow_hosts: names that may be reached at any address: ``name`` on any port,
                ``name:port`` on this port.
            lookup: replaces the system's resolver.
        """
        self._networks = tuple(allow_networks)
        self._hosts = frozenset(_canonical_name(host) for host in allow_hosts)
        self._lookup = lookup or system_lookup
        # The addresses of allowed hosts, as they were resolved.
        self._endpoints: set[tuple[str, int]] = set()

    def check_url(self, url: str) -> None:
        """Check *url* without DNS. Host names are checked when they are resolved.

        Raises:
            UrlRefused: the scheme is not http or https, the URL has user information or no host,
                the port is not a web port, or the host is an address that is denied or not
                written in its usual form.
        """
        parts = _split(url)
        port = _port(parts)
        literal = _literal(parts)
        if literal is not None:
            self.check_endpoint(literal, port)
            if isinstance(literal, IPv4Address) and parts.hostname != str(literal):
                # HTTP clients read 8.8.2056 or 010.8.8.8 differently, or refuse it.
                raise UrlRefused(f"write the address in its usual form, {literal}")
            if isinstance(literal, IPv6Address) and literal.scope_id and not self._networks:
                raise UrlRefused("the address of the URL has a zone")
            return
        host = parts.hostname or ""
        if port not in ALLOWED_PORTS and not self._networks and not self.names(host, port):
            raise UrlRefused(f"{_bad_port(port)}, {BY_HOST} ({host}:{port})")

    def names(self, host: str, port: int) -> bool:
        """Return whether ``security.allow_hosts`` has *host*, or *host* with *port*."""
        name = _canonical_name(host)
        return name in self._hosts or f"{name}:{port}" in self._hosts

    def check_address(self, address: str | Address) -> None:
        """Check an address.

        Raises:
            UrlRefused: the address is denied, or the text is not an address in its usual form.
        """
        checked = _address(address)
        if not self._is_allowed(checked) and is_denied(checked):
            raise UrlRefused(f"{checked} is not a public address; {BY_NETWORK}")

    def check_endpoint(self, address: str | Address, port: int) -> None:
        """Check an address and a port.

        Raises:
            UrlRefused: the address is denied, or the port is not a web port and the address is in
                no allowed network.
        """
        self.check_address(address)
        if port not in ALLOWED_PORTS and not self._is_allowed(_address(address)):
            raise UrlRefused(_bad_port(port))

    def check_connection(self, address: str, port: int) -> None:
        """Check an address that a socket is about to connect to.

        An address and port that ``resolve`` returned for an allowed host pass.

        Raises:
            UrlRefused: the address belongs to no allowed host, and ``check_endpoint`` refuses it.
        """
        if (address, port) not in self._endpoints:
            self.check_endpoint(address, port)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Ask DNS once for *host*; return all addresses. Those of an allowed host are not checked.

        The caller must connect to these addresses and no others.

        Raises:
            UrlRefused: any of the addresses is denied; the message names it.
            OSError: the name is unknown, or DNS does not answer.
        """
        try:
            answers = await self._lookup(host, port)
        except UnicodeError:
            raise UrlRefused("the host of the URL is not a valid name") from None
        if self.names(host, port):
            self._endpoints.update((answer, port) for answer in answers)
            return answers
        for answer in answers:
            try:
                self.check_endpoint(answer, port)
            except UrlRefused as error:
                why = f"{host} leads to {answer}: {error.message}, {BY_HOST} ({host}:{port})"
                raise UrlRefused(why) from None
        return answers

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


@functools.lru_cache(maxsize=1024)  # a notifier sends to the same addresses again and again
def is_denied(address: Address) -> bool:
    """Return whether *address* is not a public unicast address."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in DENIED_IPV4)
    if address not in GLOBAL_UNICAST_IPV6 or any(address in network for network in DENIED_IPV6):
        return True
    low = int(address) & 0xFFFFFFFF
    is_isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP_MARKS
    return is_isatap and is_denied(IPv4Address(low))


def origin_of(url: str) -> str:
    """Return the origin of *url*: ``scheme://host:port``, always with the port.

    Raises:
        UrlRefused: *url* has no origin.
    """
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{_port(parts)}"


async def system_lookup(host: str, port: int) -> list[str]:
    """Ask the system's resolver once; return each address once, in the resolver's order."""
    # Not ``loop.getaddrinfo``: uvloop has four threads for it in a process, and names whose look-up
    # hangs would block all others. The threads of the loop's executor are the service's to choose.
    look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    answers = await asyncio.get_running_loop().run_in_executor(None, look_up)
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
    """Return the address in the host, in any form that a resolver accepts; None for a name."""
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return _address(host)
    try:
        if len(host) > LONGEST_NAME:
            raise UrlRefused("the host of the URL is not a valid name")
        # Nameprep: full-width digits and other full stops become ASCII, as in a resolver.
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name):
        raise UrlRefused("the host of the URL is not a valid name")
    if not _NUMBER.fullmatch(name.rpartition(".")[2]):
        return None
    try:
        # A host that ends in a number is an address (WHATWG URL): 127.1, 0x7f.1, …
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        raise UrlRefused("the host of the URL is not a valid address") from None


def _address(address: str | Address) -> Address:
    if not isinstance(address, str):
        return address
    try:
        return ip_address(address)
    except ValueError:
        raise UrlRefused("the host of the URL is not a valid address") from None


def _canonical_name(host: str) -> str:
    """Return *host*, with or without a port, in one spelling."""
    name, colon, port = host.lower().partition(":")
    return f"{name.rstrip('.')}{colon}{port}"


def _bad_port(port: int) -> str:
    ports = ", ".join(map(str, sorted(ALLOWED_PORTS)))
    return f"port {port} is not one of {ports}; {BY_NETWORK}"
