"""Batches in memory; their jobs are stored with all other jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from secretary_common.errors import KeyInUse
from secretary_common.models import Batch, Job
from secretary_common.testing.jobs.repository import InMemoryJobRepository


class InMemoryBatchRepository:
    """Batches in a dictionary; their jobs go to *jobs* (``ports.BatchRepository``)."""

    def __init__(self, jobs: InMemoryJobRepository) -> None:
        self.batches: dict[str, Batch] = {}
        self._jobs = jobs

    async def insert(self, batch: Batch, jobs: Sequence[Job]) -> None:
        if batch.idempotency and await self.find_by_key(batch.owner, batch.idempotency.key):
            raise KeyInUse
        self.batches[batch.batch_id] = batch
        for job in jobs:
            await self._jobs.insert(job)

    async def get(self, batch_id: str) -> Batch | None:
        return self.batches.get(batch_id)

    async def find(
        self, owner: str | None, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[Batch], tuple[datetime, str] | None]:
        places = {
            (batch.created_at, batch.batch_id): batch
            for batch in self.batches.values()
            if owner in (None, batch.owner)
        }
        found = sorted(place for place in places if after is None or place < after)[::-1]
        page = [places[place].model_copy(update={"job_ids": []}) for place in found[:limit]]
        return page, found[limit - 1] if len(found) > limit else None

    async def find_by_key(self, owner: str, key: str) -> Batch | None:
        return next(
            (
                batch
                for batch in self.batches.values()
                if batch.owner == owner and batch.idempotency and batch.idempotency.key == key
            ),
            None,
        )

    async def release_key(self, batch: Batch) -> None:
        current = self.batches.get(batch.batch_id)
        if current and current.idempotency == batch.idempotency:
            self.batches[batch.batch_id] = current.model_copy(update={"idempotency": None})
