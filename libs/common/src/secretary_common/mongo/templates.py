"""Announced templates in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence

from secretary_common.models import TemplateInfo
from secretary_common.mongo.driver import Collection


class MongoTemplateRepository:
    """The templates that have been announced (``ports.TemplateRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._templates = collection

    async def announce(self, templates: Sequence[TemplateInfo]) -> None:
        """Make templates known, or refresh their languages and fields."""
        for info in templates:
            fields = info.model_dump(exclude={"name"})
            await self._templates.update_one({"_id": info.name}, {"$set": fields}, upsert=True)

    async def all(self) -> list[TemplateInfo]:
        """Every announced template, by name."""
        found = await self._templates.find({}, sort=[("_id", 1)])
        return [
            TemplateInfo.model_validate({"name": document.pop("_id"), **document})
            for document in found
        ]
