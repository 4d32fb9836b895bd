"""The in-memory repositories of API keys and of what belongs to a key alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from secretary_common.models import ApiKey, AuditEntry, Endpoint, EndpointKind


class InMemoryKeyRepository:
    """API keys in a dictionary (``ports.KeyRepository``)."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}

    async def insert(self, key: ApiKey) -> None:
        self.keys[key.key_id] = key

    async def get(self, key_id: str) -> ApiKey | None:
        return self.keys.get(key_id)

    async def all(self) -> list[ApiKey]:
        return [self.keys[key_id] for key_id in sorted(self.keys)]

    async def change_limits(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        if (key := self.keys.get(key_id)) is None:
            return None
        limits = key.limits.model_copy(update=dict(changes))
        self.keys[key_id] = replace(key, limits=limits)
        return self.keys[key_id]

    async def touch(self, key_id: str, now: datetime) -> None:
        if key_id in self.keys:
            self.keys[key_id] = replace(self.keys[key_id], last_used_at=now)

    async def running_limits(self) -> dict[str, int]:
        given = {key_id: key.limits.max_running for key_id, key in self.keys.items()}
        return {key_id: most for key_id, most in given.items() if most is not None}

    async def delete(self, key_id: str) -> bool:
        return self.keys.pop(key_id, None) is not None


class InMemoryAuditRepository:
    """The changes that API keys made, in a list (``ports.AuditRepository``)."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    async def add(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    async def find(
        self, key_id: str | None, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[AuditEntry]:
        found = [
            (one.created_at, one.entry_id, one)
            for one in self.entries
            if key_id in (None, one.key_id)
        ]
        page = sorted(one for one in found if after is None or one[:2] < after)[::-1]
        return [one for *_, one in page[:limit]]


class InMemoryEndpointRepository:
    """Endpoints in a dictionary (``ports.EndpointRepository``)."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}

    async def operators(self) -> list[Endpoint]:
        every = self.endpoints.values()
        return [one for one in every if one.kind is EndpointKind.OPERATOR and one.enabled]

    async def insert(self, endpoint: Endpoint) -> None:
        self.endpoints[endpoint.endpoint_id] = endpoint

    async def get(self, endpoint_id: str) -> Endpoint | None:
        return self.endpoints.get(endpoint_id)

    async def many(self, endpoint_ids: Collection[str]) -> dict[str, Endpoint]:
        return {one: self.endpoints[one] for one in endpoint_ids if one in self.endpoints}

    async def find(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 250
    ) -> list[Endpoint]:
        found = [
            (one.created_at, one.endpoint_id, one)
            for one in self.endpoints.values()
            if owner in (None, one.owner)
        ]
        page = sorted(one for one in found if after is None or one[:2] < after)[::-1]
        return [one for *_, one in page[:limit]]

    async def change(self, endpoint_id: str, fields: Mapping[str, Any]) -> bool:
        if endpoint_id not in self.endpoints:
            return False
        before = self.endpoints[endpoint_id]
        self.endpoints[endpoint_id] = before.model_copy(update=dict(fields))
        return True

    async def delete(self, endpoint_id: str) -> bool:
        return self.endpoints.pop(endpoint_id, None) is not None
