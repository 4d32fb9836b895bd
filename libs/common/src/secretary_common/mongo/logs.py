"""Log entries in MongoDB: a document an entry, ``_id = job:attempt:n``, inserted if absent."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import DESCENDING
from pymongo.errors import BulkWriteError

from secretary_common.models import LogEntry
from secretary_common.mongo.driver import Collection

DUPLICATE_KEY = 11000


class MongoLogRepository:
    """The log entries of jobs (``ports.LogRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._logs = collection

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Store entries; one already there is left as it is, so a repeat is harmless."""
        documents = [
            {"_id": f"{job_id}:{e.attempt}:{e.seq}", "job_id": job_id, **e.model_dump()}
            for e in entries
        ]
        try:
            await self._logs.insert_many(documents)
        except BulkWriteError as error:
            details = error.details or {}
            if any(e["code"] != DUPLICATE_KEY for e in details.get("writeErrors", [])):
                raise

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        """The last *limit* entries, oldest first."""
        found = await self._logs.find(
            {"job_id": job_id},
            projection={"_id": False, "job_id": False},
            sort=[("attempt", DESCENDING), ("seq", DESCENDING)],
            limit=limit,
        )
        return [LogEntry.model_validate(document) for document in reversed(found)]
