"""Batches: jobs that are submitted together, all or none."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator

from secretary_client.core.call import Calls, D, returns, yields
from secretary_client.core.drivers import AsyncDriver, SyncDriver
from secretary_client.core.effect import Flow, Items
from secretary_client.core.fields import given, on_wire, path
from secretary_client.models import Batch, BatchSubmitted, NewJob
from secretary_client.paths import BATCHES


class Batches(Calls[D]):
    """The batches of a key; ``Client.batches`` makes it."""

    def __iter__(self: Batches[SyncDriver]) -> Iterator[Batch]:
        """Yield the batches, newest first."""
        return self.all()

    def __aiter__(self: Batches[AsyncDriver]) -> AsyncIterator[Batch]:
        """Yield the batches, newest first."""
        return self.all()

    @yields
    def all(self) -> Items[Batch]:
        """Yield the batches, newest first, with the number of their jobs in each state."""
        return self._requests.pages(BATCHES, "batches", "cursor")

    @returns
    def submit(
        self,
        jobs: Iterable[NewJob],
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[BatchSubmitted]:
        """Submit up to 1,000 jobs once, all of them or none; return the ids.

        Args:
            jobs: each with ``job_type`` and ``parameters``, and the fields of ``submit``.
            name: a name for listings.
            idempotency_key: submissions with the same key make one batch; default: a new key.

        Raises:
            ApiError: the API refused a job; ``details`` names it by its place.
        """
        body = {"jobs": [on_wire(job) for job in jobs], **given(batch_name=name)}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return self._requests.data("POST", BATCHES, json=body, headers=headers)

    @returns
    def get(self, batch_id: str) -> Flow[Batch]:
        """Return a batch, with the number of its jobs in each state."""
        return self._requests.data("GET", path(BATCHES, batch_id))

    @returns
    def cancel(self, batch_id: str) -> Flow[Batch]:
        """Cancel each job of a batch that has not ended."""
        return self._requests.data("POST", path(BATCHES, batch_id, "cancel"))

    @returns
    def retry_failed(self, batch_id: str) -> Flow[Batch]:
        """Start a new run of each job of a batch that has failed."""
        return self._requests.data("POST", path(BATCHES, batch_id, "retry-failed"))
