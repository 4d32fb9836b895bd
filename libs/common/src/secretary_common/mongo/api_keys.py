"""API keys in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from secretary_common.models import ApiKey
from secretary_common.models.value import Value
from secretary_common.mongo.collection import Collection, Document
from secretary_common.mongo.stored.reader import Reader


class _StoredKey(Value):
    """An API key as it is stored."""

    key_id: str
    digest: str
    name: str
    scopes: list[str]
    created_at: datetime | None = None
    expires_at: datetime | None = None


_KEYS: Reader[_StoredKey] = Reader("api_keys", _StoredKey, id_field="key_id")


class MongoKeyRepository:
    """API keys (``ports.KeyRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def insert(self, key: ApiKey) -> None:
        document = asdict(key)
        await self._keys.insert_one({"_id": document.pop("key_id"), **document})

    async def get(self, key_id: str) -> ApiKey | None:
        document = await self._keys.find_one({"_id": key_id})
        return next(iter(_keys([document] if document else [])), None)

    async def all(self) -> list[ApiKey]:
        return _keys(await self._keys.find({}, sort=[("_id", 1)]))

    async def delete(self, key_id: str) -> bool:
        return await self._keys.delete_many({"_id": key_id}) == 1


def _keys(found: Iterable[Document]) -> list[ApiKey]:
    """Return the keys that can be read; a key that cannot be read is not valid."""
    return [ApiKey(**dict(stored)) for stored in _KEYS.all(found)]
