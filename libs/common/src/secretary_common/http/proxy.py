"""The egress proxy, and the routes of requests through the proxy or past it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypedDict
from urllib.parse import unquote, urlsplit

from yarl import URL

from secretary_common.errors import UrlRefused
from secretary_common.http.exact_url import parsed_url
from secretary_common.http.url_guard import DEFAULT_PORTS, UrlGuard, is_denied


class ProxyOptions(TypedDict, total=False):
    """The options of aiohttp for a request through a proxy."""

    proxy: URL
    proxy_headers: Mapping[str, str]
    server_hostname: str


@dataclass
class Proxy:
    """An HTTP proxy (``http://[user:password@]host:port``) for outgoing requests."""

    url: str
    resolves_names: bool = False
    """True: only the proxy can resolve names, so the proxy gets names, not checked addresses."""
    addresses: frozenset[str] = field(default=frozenset(), init=False)
    """The addresses of the proxy, as they were resolved last."""

    @property
    def host(self) -> str:
        """The proxy's name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The proxy's port."""
        return urlsplit(self.url).port or DEFAULT_PORTS["http"]

    @property
    def credentials(self) -> dict[str, str]:
        """The header that authenticates the user at the proxy; empty without a user in the URL."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return {}
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode('ascii')}"}

    def is_at(self, address: str, port: int) -> bool:
        """Return whether the proxy listens at this endpoint."""
        return port == self.port and (address == self.host or address in self.addresses)

    def serves(self, guard: UrlGuard, target: URL) -> bool:
        """Return whether requests to *target* go through the proxy.

        Requests to the hosts of ``security.allow_hosts``, to localhost, and to literal addresses
        that are not public go past the proxy.
        """
        host = target.raw_host or ""
        if host == "localhost" or guard.names(host, target.port or 0):
            return False
        try:
            return not is_denied(ip_address(host))
        except ValueError:
            return True


@dataclass(frozen=True, slots=True)
class Route:
    """The target, the headers and the options of a request, through a proxy or past it."""

    target: URL
    headers: Mapping[str, str]
    options: ProxyOptions
    address: str | None = None
    """The checked address behind a proxy."""


async def route_to(
    url: str, headers: Mapping[str, str], guard: UrlGuard, proxy: Proxy | None
) -> Route:
    """Return the route of a request for *url* with *headers*.

    An https URL goes through a tunnel to the checked address; the TLS name and the ``Host``
    header are those of the URL. An http URL is sent whole, and the proxy resolves its name
    once more. If the proxy resolves all names, no address is checked, except an address in the URL.

    Raises:
        UrlRefused: *url* does not parse, or its name leads to a denied address.
        OSError: the name is unknown, or the name service does not answer.
    """
    target, options = parsed_url(url), ProxyOptions()
    if proxy is None or not proxy.serves(guard, target):
        return Route(target, headers, options)
    options["proxy"] = URL.build(scheme="http", host=proxy.host, port=proxy.port)
    host, port = target.raw_host or "", target.port or 0
    address = None if proxy.resolves_names else await _checked_address(guard, host, port)
    if target.scheme == "http":
        return Route(target, {**headers, **proxy.credentials}, options, address)
    options["proxy_headers"] = proxy.credentials
    if address is not None and address != host:
        headers = {**headers, "Host": target.host_port_subcomponent or host}
        target = parsed_url(url, address=address)
        options["server_hostname"] = host
    return Route(target, headers, options, address)


async def _checked_address(guard: UrlGuard, host: str, port: int) -> str:
    addresses = await guard.resolve(host, port)
    if not addresses:
        raise UrlRefused(f"{host} has no address")
    return addresses[0]
