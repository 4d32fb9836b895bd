"""The store interface of batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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

    async def find(
        self, owner: str | None, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[Batch], tuple[datetime, str] | None]:
        """Return batches without their job ids, newest first, and the place of the next page.

        A page may have fewer batches although others follow. None: no batch follows.

        Args:
            owner: the id of an API key; None: of all keys.
            after: the place from the page before.
            limit: the size of the page.
        """
        ...

    async def find_by_key(self, owner: str, key: str) -> Batch | None:
        """Return the batch under an idempotency key, once a majority has it."""
        ...

    async def release_key(self, batch: Batch) -> None:
        """Free the idempotency key of *batch*, if the stored key is still the one in *batch*."""
        ...
