"""API keys in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from secretary_common.models import NO_LIMITS, ApiKey, AuditEntry, KeyLimits
from secretary_common.models.value import Value
from secretary_common.mongo.driver.collection import Collection, Document, change_of
from secretary_common.mongo.stored.page import after_place
from secretary_common.mongo.stored.reader import Reader


class _StoredKey(Value):
    """An API key as it is stored."""

    key_id: str
    digest: str
    name: str
    scopes: list[str]
    created_at: datetime | None = None
    expires_at: datetime | None = None
    limits: KeyLimits = NO_LIMITS
    last_used_at: datetime | None = None
    pepper_mark: str | None = None


_KEYS: Reader[_StoredKey] = Reader("api_keys", _StoredKey, id_field="key_id")


class MongoKeyRepository:
    """API keys (``ports.KeyRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def insert(self, key: ApiKey) -> None:
        document = {
            "_id": key.key_id,
            "digest": key.digest,
            "name": key.name,
            "scopes": key.scopes,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "limits": key.limits.model_dump(exclude_none=True),
            "pepper_mark": key.pepper_mark,
        }
        await self._keys.insert_one(document)

    async def get(self, key_id: str) -> ApiKey | None:
        document = await self._keys.find_one({"_id": key_id})
        return next(iter(_keys([document] if document else [])), None)

    async def all(self) -> list[ApiKey]:
        return _keys(await self._keys.find({}, sort=[("_id", 1)]))

    async def change_limits(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        if not changes:
            return await self.get(key_id)
        change = change_of({f"limits.{name}": value for name, value in changes.items()})
        document = await self._keys.find_one_and_update({"_id": key_id}, change)
        return next(iter(_keys([document] if document else [])), None)

    async def touch(self, key_id: str, now: datetime) -> None:
        await self._keys.update_one({"_id": key_id}, {"$set": {"last_used_at": now}})

    async def running_limits(self) -> dict[str, int]:
        found = await self._keys.find({"limits.max_running": {"$exists": True}})
        keys = _keys(found)
        return {key.key_id: most for key in keys if (most := key.limits.max_running) is not None}

    async def delete(self, key_id: str) -> bool:
        return await self._keys.delete_many({"_id": key_id}) == 1


def _keys(found: Iterable[Document]) -> list[ApiKey]:
    """Return the keys that can be read; a key that cannot be read is not valid."""
    return [ApiKey(**dict(stored)) for stored in _KEYS.all(found)]


_AUDIT: Reader[AuditEntry] = Reader("audit", AuditEntry, id_field="entry_id")


class MongoAuditRepository:
    """The changes that API keys made (``ports.AuditRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._audit = collection

    async def add(self, entry: AuditEntry) -> None:
        document = entry.model_dump(exclude_none=True)
        await self._audit.insert_one({"_id": document.pop("entry_id"), **document})

    async def find(
        self, key_id: str | None, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[AuditEntry]:
        wanted: Document = {} if key_id is None else {"key_id": key_id}
        order = [("created_at", -1), ("_id", -1)]
        found = await self._audit.find(after_place(wanted, after), sort=order, limit=limit)
        return _AUDIT.all(found)
