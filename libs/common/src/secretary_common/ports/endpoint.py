"""The store interface of endpoints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from secretary_common.models import Endpoint


class EndpointRepository(Protocol):
    """Endpoints. All methods raise ``StoreUnavailable``. Unreadable ones count as disabled."""

    async def insert(self, endpoint: Endpoint) -> None:
        """Store a new endpoint."""
        ...

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint; None if it does not exist."""
        ...

    async def many(self, endpoint_ids: Collection[str]) -> dict[str, Endpoint]:
        """Return those of these endpoints that exist, by id."""
        ...

    async def find(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 250
    ) -> list[Endpoint]:
        """Return at most *limit* endpoints of *owner* (None: of all keys), newest first.

        *after*: the (created_at, endpoint_id) of the last endpoint on the previous page.
        """
        ...

    async def operators(self) -> list[Endpoint]:
        """Return the enabled endpoints of operators, at most 100."""
        ...

    async def change(self, endpoint_id: str, fields: Mapping[str, Any]) -> bool:
        """Set these fields, None removes one; return False if the endpoint does not exist."""
        ...

    async def delete(self, endpoint_id: str) -> bool:
        """Delete an endpoint; return False if it does not exist."""
        ...
