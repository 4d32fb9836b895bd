"""The store interface of API keys."""

from __future__ import annotations

from typing import Protocol

from secretary_common.models import ApiKey, KeyLimits


class KeyRepository(Protocol):
    """API keys. All methods raise ``StoreUnavailable``."""

    async def insert(self, key: ApiKey) -> None:
        """Store a new key."""
        ...

    async def get(self, key_id: str) -> ApiKey | None:
        """Return the key whose public part is *key_id*; None if the key does not exist."""
        ...

    async def all(self) -> list[ApiKey]:
        """Return every key, sorted by id."""
        ...

    async def set_limits(self, key_id: str, limits: KeyLimits) -> bool:
        """Replace the limits of a key; return False if the key does not exist."""
        ...

    async def running_limits(self) -> dict[str, int]:
        """Return ``max_running`` of each key that has this limit, by the key's id."""
        ...

    async def delete(self, key_id: str) -> bool:
        """Delete a key; return False if the key does not exist."""
        ...
