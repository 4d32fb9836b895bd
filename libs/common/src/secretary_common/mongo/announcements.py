"""Announced job types and templates in MongoDB."""

from __future__ import annotations

import json
from collections.abc import Sequence

from secretary_common.models import JobTypeInfo, TemplateInfo
from secretary_common.models.value import Value
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.stored.fault import Fault
from secretary_common.mongo.stored.reader import Reader, note_unreadable


class _StoredType(Value):
    """A job type as it is stored."""

    job_type: str
    schema_text: str | None
    """Named ``schema`` in the document."""
    paused: bool


_TYPES: Reader[_StoredType] = Reader("job_types", _StoredType, id_field="job_type")
_TEMPLATES: Reader[TemplateInfo] = Reader("templates", TemplateInfo, id_field="name")


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
        return [info for info in map(_job_type, found) if info]

    async def set_paused(self, job_type: str, *, paused: bool) -> bool:
        change = {"$set": {"paused": paused}}
        return await self._types.update_one({"_id": job_type}, change) == 1

    async def paused(self) -> frozenset[str]:
        found = await self._types.find({"paused": True}, projection=["_id"])
        return frozenset(document["_id"] for document in found if isinstance(document["_id"], str))


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
        return _TEMPLATES.all(found)


def _job_type(document: Document) -> JobTypeInfo | None:
    """Return an announced job type; without its schema if the document cannot be read."""
    named = {**document, **({"schema_text": document["schema"]} if "schema" in document else {})}
    reading = _TYPES.read(named)
    _TYPES.note(document, reading)
    stored, name = reading.value, document["_id"]
    if stored is None:
        return JobTypeInfo(name, is_readable=False) if isinstance(name, str) else None
    try:
        schema = json.loads(stored.schema_text) if stored.schema_text else None
    except (ValueError, RecursionError):
        schema = []
    if schema is not None and not isinstance(schema, dict):
        fault = Fault(("schema",), "is not the text of a JSON object")
        note_unreadable("job_types", name, fault)
        return JobTypeInfo(name, is_readable=False)
    return JobTypeInfo(name, schema, stored.paused)
