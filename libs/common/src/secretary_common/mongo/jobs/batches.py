"""Batches in MongoDB; their jobs are stored with all other jobs."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from secretary_common.errors import KeyInUse
from secretary_common.models import Batch, Job
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Document
from secretary_common.mongo.jobs.document import check_room, key_query, to_document
from secretary_common.mongo.stored.page import Place, Way, page_of
from secretary_common.mongo.stored.reader import Reader

BATCHES, JOBS = "batches", "jobs"
BATCH: Reader[Batch] = Reader(BATCHES, Batch, id_field="batch_id")


class MongoBatchRepository:
    """Batches with their jobs (``ports.BatchRepository``)."""

    def __init__(self, client: DatabaseClient) -> None:
        self._client = client
        self._batches = client.collection(BATCHES)

    async def insert(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Insert in one transaction."""
        for job in jobs:
            check_room(job)
        document = batch.model_dump(exclude_none=True)
        document = {"_id": document.pop("batch_id"), **document}
        try:
            await self._client.insert_together(
                {BATCHES: [document], JOBS: [to_document(job) for job in jobs]}
            )
        except DuplicateKeyError as error:
            raise KeyInUse from error

    async def get(self, batch_id: str) -> Batch | None:
        return BATCH.one(await self._batches.find_one({"_id": batch_id}))

    async def find(
        self, owner: str | None, *, after: Place | None, limit: int
    ) -> tuple[list[Batch], Place | None]:
        wanted: Document = {} if owner is None else {"owner": owner}
        without_ids = {"job_ids": {"$slice": 0}}
        index = "newest" if owner is None else "newest_of_owner"
        found, place = await page_of(
            self._batches,
            [Way(index, wanted)],
            wanted,
            common={},
            after=after,
            limit=limit,
            projection=without_ids,
        )
        return BATCH.all(found), place

    async def find_by_key(self, owner: str, key: str) -> Batch | None:
        return BATCH.one(await self._batches.find_one_confirmed(key_query(owner, key)))

    async def release_key(self, batch: Batch) -> None:
        if batch.idempotency:
            await self._batches.update_one(
                {"_id": batch.batch_id, "idempotency.at": batch.idempotency.at},
                {"$unset": {"idempotency": ""}},
            )
