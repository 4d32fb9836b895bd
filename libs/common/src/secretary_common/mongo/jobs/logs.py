"""Log entries in MongoDB: one document per entry, ``_id = job:attempt:n``, inserted if absent.

``position`` orders the entries of a job over all its attempts, so that one index serves every page:
MongoDB reads the entries of each level in order and merges them.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError

from secretary_common.models import LOG_LEVELS, LogEntry, LogLevel
from secretary_common.mongo.driver.collection import Collection, Document
from secretary_common.mongo.driver.fault import DUPLICATE_KEY_CODE
from secretary_common.mongo.stored.reader import Reader

ATTEMPT_STEP = 2**32
"""More than the entries of one attempt."""


_ENTRIES: Reader[LogEntry] = Reader("job_logs", LogEntry)


class MongoLogRepository:
    """The log entries of jobs (``ports.LogRepository``)."""

    def __init__(self, collection: Collection) -> None:
        self._logs = collection

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        try:
            await self._logs.insert_many([_to_document(job_id, entry) for entry in entries])
        except BulkWriteError as error:
            details = error.details or {}
            if any(one["code"] != DUPLICATE_KEY_CODE for one in details.get("writeErrors", [])):
                raise

    async def tail(self, job_id: str, limit: int) -> list[LogEntry]:
        found = await self._logs.find(
            {"job_id": job_id, "level": {"$in": LOG_LEVELS}},
            sort=[("position", DESCENDING)],
            limit=limit,
        )
        return _ENTRIES.all(reversed(found))

    async def page(
        self, job_id: str, *, after: tuple[int, int], levels: Names[LogLevel], limit: int
    ) -> list[LogEntry]:
        entries: list[LogEntry] = []
        position = _position(*after)
        while (wanted := limit - len(entries)) > 0:
            found = await self._logs.find(
                {
                    "job_id": job_id,
                    "level": {"$in": sorted(levels)},
                    "position": {"$gt": position},
                },
                sort=[("position", ASCENDING)],
                limit=wanted,
            )
            entries += _ENTRIES.all(found)
            if len(found) < wanted:
                break
            position = found[-1]["position"]  # some were unreadable: the page needs more
        return entries

    async def delete_some(self, job_id: str, limit: int) -> int:
        found = await self._logs.find({"job_id": job_id}, projection=["_id"], limit=limit)
        if not found:
            return 0
        return await self._logs.delete_many({"_id": {"$in": [one["_id"] for one in found]}})


def _position(attempt: int, seq: int) -> int:
    return attempt * ATTEMPT_STEP + seq


def _to_document(job_id: str, entry: LogEntry) -> Document:
    return {
        "_id": f"{job_id}:{entry.attempt}:{entry.seq}",
        "job_id": job_id,
        "position": _position(entry.attempt, entry.seq),
        **entry.model_dump(),
    }
