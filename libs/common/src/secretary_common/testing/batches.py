"""The in-memory twin of the batch repository."""

from __future__ import annotations

from collections.abc import Sequence

from secretary_common.errors import KeyInUse
from secretary_common.models import Batch, Job
from secretary_common.testing.jobs import InMemoryJobRepository


class InMemoryBatchRepository:
    """Keeps batches beside the jobs of *jobs* (``ports.BatchRepository``)."""

    def __init__(self, jobs: InMemoryJobRepository) -> None:
        self.batches: dict[str, Batch] = {}
        self._jobs = jobs

    async def insert(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Keep a batch with all its jobs."""
        if batch.idempotency and await self.find_by_key(batch.owner, batch.idempotency.key):
            raise KeyInUse
        self.batches[batch.batch_id] = batch
        for job in jobs:
            await self._jobs.insert(job)

    async def get(self, batch_id: str) -> Batch | None:
        """The batch."""
        return self.batches.get(batch_id)

    async def find_by_key(self, owner: str, key: str) -> Batch | None:
        """The batch under an idempotency key."""
        return next(
            (
                batch
                for batch in self.batches.values()
                if batch.owner == owner and batch.idempotency and batch.idempotency.key == key
            ),
            None,
        )

    async def release_key(self, batch: Batch) -> None:
        """Free the idempotency key of *batch*, if it is still the one it was read with."""
        current = self.batches.get(batch.batch_id)
        if current and current.idempotency == batch.idempotency:
            self.batches[batch.batch_id] = current.model_copy(update={"idempotency": None})
