"""What has been worked out before, as the services need it from a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from secretary_common.models import JsonObject

Use = tuple[datetime, str]
"""Where an entry stands among all: when it was last used, and its key among those of that time."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """An entry, without what it holds."""

    use: Use
    size: int
    """What it takes up, in bytes."""


class CacheRepository(Protocol):
    """JSON by a key made of content alone: hashes, versions, settings; never a path or a time.

    Entries go when they have not been used for long, or when there are too many; a use may be
    noted an hour late. All methods raise ``StoreUnavailable``.
    """

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        """What is known of *keys*; those of which nothing is known are left out."""
        ...

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        """Keep *entries*; one already there is replaced.

        Raises:
            NotStorable: a value is no JSON.
        """
        ...


class CacheEviction(Protocol):
    """The same entries, as the sweeper knows them. All methods raise ``StoreUnavailable``."""

    async def latest(self, limit: int, *, before: Use | None = None) -> list[CacheEntry]:
        """At most *limit* entries, the one used last first; only those before *before*."""
        ...

    async def remove_unused(self, upto: Use, limit: int) -> int:
        """Remove at most *limit* entries at or before *upto*, the longest unused first.

        Returns how many. One that is used meanwhile stays.
        """
        ...
