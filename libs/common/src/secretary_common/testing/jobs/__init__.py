"""Jobs, their batches and their logs in memory, with one class per port as in ``mongo.jobs``."""

from secretary_common.testing.jobs.batches import InMemoryBatchRepository
from secretary_common.testing.jobs.feed import InMemoryJobFeed
from secretary_common.testing.jobs.logs import InMemoryLogRepository
from secretary_common.testing.jobs.repository import InMemoryJobRepository

__all__ = [
    "InMemoryBatchRepository",
    "InMemoryJobFeed",
    "InMemoryJobRepository",
    "InMemoryLogRepository",
]
