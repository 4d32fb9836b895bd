"""The store interface of API keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from secretary_common.models import ApiKey, AuditEntry


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

    async def change_limits(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        """Replace those limits of a key that *changes* names; None removes a limit.

        Return the key; None if the key does not exist. Changes of other limits at the same time
        are kept.
        """
        ...

    async def touch(self, key_id: str, now: datetime) -> None:
        """Record that the key was used at *now*."""
        ...

    async def running_limits(self) -> dict[str, int]:
        """Return ``max_running`` of each key that has this limit, by the key's id."""
        ...

    async def delete(self, key_id: str) -> bool:
        """Delete a key; return False if the key does not exist."""
        ...


class AuditRepository(Protocol):
    """The changes that API keys made. All methods raise ``StoreUnavailable``."""

    async def add(self, entry: AuditEntry) -> None:
        """Store an entry; it is kept for 90 days."""
        ...

    async def find(
        self, key_id: str | None, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[AuditEntry]:
        """Return at most *limit* entries of a key (None: of all keys), newest first.

        *after*: the (created_at, entry_id) of the last entry on the previous page.
        """
        ...
