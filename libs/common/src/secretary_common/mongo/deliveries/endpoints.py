"""Endpoints in MongoDB.

An endpoint with an unreadable field is read as disabled, with substitutes. So the ends of jobs that
it misses are kept, and its owner can repair it. It is not deleted, because its events would be
dropped.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from secretary_common.models import Endpoint, EndpointKind
from secretary_common.mongo.driver.collection import Collection, Document, change_of
from secretary_common.mongo.stored.page import after_place
from secretary_common.mongo.stored.reader import Reader
from secretary_common.mongo.stored.shape import EARLIEST

_ENDPOINTS: Reader[Endpoint] = Reader("endpoints", Endpoint, id_field="endpoint_id")
_STAND_INS = {"owner": "", "url": "", "created_at": EARLIEST, "updated_at": EARLIEST}
MOST_OPERATORS = 100
_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]


class MongoEndpointRepository:
    """Endpoints in MongoDB (``ports.EndpointRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._endpoints = collection

    async def insert(self, endpoint: Endpoint) -> None:
        document = endpoint.model_dump(exclude_none=True)
        await self._endpoints.insert_one({"_id": document.pop("endpoint_id"), **document})

    async def get(self, endpoint_id: str) -> Endpoint | None:
        return (await self.many([endpoint_id])).get(endpoint_id)

    async def many(self, endpoint_ids: Names[str]) -> dict[str, Endpoint]:
        found = await self._endpoints.find({"_id": {"$in": sorted(endpoint_ids)}})
        return {one.endpoint_id: one for one in map(_read, found)}

    async def find(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 250
    ) -> list[Endpoint]:
        wanted: Document = {} if owner is None else {"owner": owner}
        found = await self._endpoints.find(after_place(wanted, after), sort=_NEWEST, limit=limit)
        return [_read(document) for document in found]

    async def operators(self) -> list[Endpoint]:
        query: Document = {"kind": EndpointKind.OPERATOR.value, "enabled": True}
        found = map(_read, await self._endpoints.find(query, limit=MOST_OPERATORS))
        return [one for one in found if one.enabled]

    async def change(self, endpoint_id: str, fields: Mapping[str, Any]) -> bool:
        this = {"_id": endpoint_id}
        return await self._endpoints.update_one(this, change_of(fields)) == 1

    async def delete(self, endpoint_id: str) -> bool:
        return await self._endpoints.delete_many({"_id": endpoint_id}) == 1


def _read(document: Document) -> Endpoint:
    reading = _ENDPOINTS.read(document)
    _ENDPOINTS.note(document, reading)
    if reading.value is not None:
        return reading.value
    substitutes = {"endpoint_id": str(document["_id"]), "enabled": False}
    return Endpoint.model_validate({**_STAND_INS, **reading.values, **substitutes})
