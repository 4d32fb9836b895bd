"""Looks up the names of receivers, and detects that the name service itself is down."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict

from secretary_common.http.url_guard import Lookup, system_lookup

MOST_REMEMBERED = 8
CHECK_SEC = 2.0
"""The deadline of a check. A name service that takes longer is down."""
CHECK_VALID_SEC = 5.0


class NameService:
    """Looks up names with the system's resolver, and remembers names that were resolved."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._resolved: OrderedDict[str, None] = OrderedDict()
        self._cut: set[str] = set()
        self._check: tuple[float, bool] | None = None

    async def look_up(self, host: str, port: int) -> list[str]:
        """Return the addresses of *host*.

        Raises:
            OSError: the name is unknown, or the name service does not answer.
        """
        try:
            addresses = await self._lookup(host, port)
        except asyncio.CancelledError:
            self._cut.add(host)
            raise
        self._cut.discard(host)
        # A name without a dot may come from a local file, which answers without a name service.
        if "." in host:
            self._resolved[host] = None
            self._resolved.move_to_end(host)
            if len(self._resolved) > MOST_REMEMBERED:
                self._resolved.popitem(last=False)
        return addresses

    def was_cut(self, host: str) -> bool:
        """Return whether a deadline cut the latest look-up of *host*; at the next call, False."""
        was_cut = host in self._cut
        self._cut.discard(host)
        return was_cut

    async def is_down_for(self, host: str) -> bool:
        """Return whether *host* fails because no name can be resolved.

        Another name that was resolved before is looked up again. Without such a name, the name
        service counts as down if no name at all was ever resolved.
        """
        others = [name for name in self._resolved if name != host]
        if not others:
            return not self._resolved
        now = asyncio.get_running_loop().time()
        if self._check is None or now >= self._check[0] + CHECK_VALID_SEC:
            self._check = now, await self._fails(others[-1])
        return self._check[1]

    async def _fails(self, host: str) -> bool:
        try:
            async with asyncio.timeout(CHECK_SEC):
                await self._lookup(host, 443)
        except TimeoutError:
            return True
        except socket.gaierror as error:
            return error.errno in {socket.EAI_AGAIN, socket.EAI_FAIL}
        except OSError:
            return True
        return False
