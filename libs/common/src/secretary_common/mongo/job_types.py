"""Announced job types in MongoDB."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel

from secretary_common.models import JobTypeInfo
from secretary_common.mongo.driver import Collection

INDEXES: Sequence[IndexModel] = (
    IndexModel([("paused", ASCENDING)], name="paused", partialFilterExpression={"paused": True}),
)


class MongoJobTypeRepository:
    """The job types that have been announced (``ports.JobTypeRepository``).

    Schemas are kept as JSON text: their ``$ref`` and ``$defs`` keys are no field names for MongoDB.
    """

    def __init__(self, collection: Collection) -> None:
        self._types = collection

    async def announce(self, job_types: Sequence[JobTypeInfo]) -> None:
        """Make types known, or refresh their schema; never touches ``paused``."""
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
        """Every announced type, by name."""
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
        """Have workers start no jobs of this type, or start them again; False: no such type."""
        done = await self._types.update_one({"_id": job_type}, {"$set": {"paused": paused}})
        return done.matched == 1

    async def paused(self) -> frozenset[str]:
        """The types whose jobs are not to be started."""
        found = await self._types.find({"paused": True}, projection=["_id"])
        return frozenset(document["_id"] for document in found)
