"""The store interface of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from secretary_common.models import Batch, Job


class BatchRepository(Protocol):
    """Batches with their jobs. All methods raise ``StoreUnavailable``."""

    async def insert(self, batch: Batch, jobs: Sequence[Job]) -> None:
        """Store a batch with all its jobs durably, or nothing.

        Raises:
            KeyInUse: the owner has a batch under the same idempotency key.
            NotStorable: a document cannot be encoded.
        """
        ...

    async def get(self, batch_id: str) -> Batch | None:
        """Return the batch; None if the batch does not exist."""
        ...

    async def find_by_key(self, owner: str, key: str) -> Batch | None:
        """Return the batch under an idempotency key, once a majority has it."""
        ...

    async def release_key(self, batch: Batch) -> None:
        """Free the idempotency key of *batch*, if the stored key is still the one in *batch*."""
        ...
