"""API keys in MongoDB."""

from __future__ import annotations

from dataclasses import asdict

from secretary_common.models import ApiKey
from secretary_common.mongo.collection import Collection, Document


class MongoKeyRepository:
    """API keys (``ports.KeyRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def insert(self, key: ApiKey) -> None:
        document = asdict(key)
        await self._keys.insert_one({"_id": document.pop("key_id"), **document})

    async def get(self, key_id: str) -> ApiKey | None:
        document = await self._keys.find_one({"_id": key_id})
        return _to_key(document) if document else None

    async def all(self) -> list[ApiKey]:
        return [_to_key(document) for document in await self._keys.find({}, sort=[("_id", 1)])]

    async def delete(self, key_id: str) -> bool:
        return await self._keys.delete_many({"_id": key_id}) == 1


def _to_key(document: Document) -> ApiKey:
    return ApiKey(key_id=document.pop("_id"), **document)
