"""The in-memory repository of API keys."""

from __future__ import annotations

from secretary_common.models import ApiKey


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

    async def delete(self, key_id: str) -> bool:
        return self.keys.pop(key_id, None) is not None
