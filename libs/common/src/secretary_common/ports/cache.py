"""What has been worked out before, as the services need it from a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from secretary_common.models import JsonObject


class CacheRepository(Protocol):
    """JSON by a key made of content alone: hashes, versions, settings; never a path or a time.

    Entries go when they have not been used for long, or when there are too many. All methods raise
    ``StoreUnavailable``.
    """

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        """What is known of *keys*; those of which nothing is known are left out."""
        ...

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        """Keep *entries*; one already there is replaced."""
        ...
