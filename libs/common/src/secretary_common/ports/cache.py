"""The store interfaces of the cache: values for handlers, removal for the sweeper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secretary_common.models import JsonObject

Use = tuple[datetime, str]
"""The position of an entry in the order of use: the time of its last use, then its key."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """An entry without its value."""

    use: Use
    size: int
    """The bytes that the entry occupies."""


class CacheRepository(Protocol):
    """JSON values under keys. All methods raise ``StoreUnavailable``.

    A key is made of content only: hashes, versions, settings; never a path or a time. Entries are
    removed when they were not used for long, or when there are too many. The recorded time of the
    last use may be up to an hour too early.
    """

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        """Return the values of *keys*; keys without an entry are left out."""
        ...

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        """Store *entries*; an existing entry is replaced.

        Raises:
            NotStorable: a value is not JSON.
        """
        ...


class CacheEviction(Protocol):
    """The removal of cache entries by the sweeper. All methods raise ``StoreUnavailable``."""

    async def latest(self, limit: int, *, before: Use | None = None) -> list[CacheEntry]:
        """Return at most *limit* entries used before *before*, the most recently used first."""
        ...

    async def remove_unused(self, upto: Use, limit: int) -> int:
        """Remove at most *limit* entries last used at or before *upto*, the oldest use first.

        An entry that is used in the meantime stays. Returns how many were removed.
        """
        ...
