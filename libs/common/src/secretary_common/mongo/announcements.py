"""Announced job types and templates in MongoDB."""

from __future__ import annotations

import json
from collections.abc import Sequence

from secretary_common.models import JobTypeInfo, TemplateInfo
from secretary_common.mongo.collection import Collection


class MongoJobTypeRepository:
    """Announced job types (``ports.JobTypeRepository``).

    Schemas are stored as JSON text, because MongoDB refuses field names like ``$ref``.
    """

    def __init__(self, collection: Collection) -> None:
        self._types = collection

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        for info in job_types:
            schema = info.parameter_schema
            await self._types.update_one(
                {"_id": info.job_type},
                {
                    "$set": {"schema": None if schema is None else json.dumps(schema)},
                    "$setOnInsert": {"paused": False},
                },
                upsert=True,
            )

    async def all(self) -> list[JobTypeInfo]:
        found = await self._types.find({}, sort=[("_id", 1)])
        return [
            JobTypeInfo(
                job_type=document["_id"],
                parameter_schema=json.loads(document["schema"]) if document["schema"] else None,
                paused=document["paused"],
            )
            for document in found
        ]

    async def set_paused(self, job_type: str, *, paused: bool) -> bool:
        done = await self._types.update_one({"_id": job_type}, {"$set": {"paused": paused}})
        return done.matched == 1

    async def paused(self) -> frozenset[str]:
        found = await self._types.find({"paused": True}, projection=["_id"])
        return frozenset(document["_id"] for document in found)


class MongoTemplateRepository:
    """Announced templates (``ports.TemplateRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._templates = collection

    async def announce(self, templates: Sequence[TemplateInfo]) -> None:
        for info in templates:
            fields = info.model_dump(exclude={"name"})
            await self._templates.update_one({"_id": info.name}, {"$set": fields}, upsert=True)

    async def all(self) -> list[TemplateInfo]:
        found = await self._templates.find({}, sort=[("_id", 1)])
        return [
            TemplateInfo.model_validate({"name": document.pop("_id"), **document})
            for document in found
        ]
