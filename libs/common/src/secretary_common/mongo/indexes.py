"""Every index, in one place: each query of the repositories has one that serves it."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING, IndexModel

from secretary_common.mongo import cache, files, job_types, notifiers, removal, workers
from secretary_common.mongo.deliveries import repository
from secretary_common.mongo.driver import Client
from secretary_common.mongo.jobs import candidates, logs


def _newest(name: str, *fields: str, optional: bool = False) -> IndexModel:
    """An index for a listing, newest first, by *fields*; *optional*: most jobs lack the first."""
    keys = [(field, ASCENDING) for field in fields]
    options = {"partialFilterExpression": {fields[0]: {"$exists": True}}} if optional else {}
    return IndexModel(
        [*keys, ("created_at", DESCENDING), ("_id", DESCENDING)], name=name, **options
    )


JOBS: Sequence[IndexModel] = (
    *candidates.INDEXES,
    IndexModel(
        [("lease.expires_at", ASCENDING)],
        name="running_by_lease",
        partialFilterExpression={"status": "processing"},
    ),
    IndexModel(
        [("notify.due_at", ASCENDING)],
        name="slots_by_due_at",
        partialFilterExpression={"notify.due_at": {"$exists": True}},
    ),
    IndexModel(
        [("status", ASCENDING), ("job_type", ASCENDING), ("owner", ASCENDING)],
        name="running_by_type",
        partialFilterExpression={"status": "processing"},
    ),
    IndexModel(
        [("batch_id", ASCENDING), ("status", ASCENDING), ("deleted_at", ASCENDING)],
        name="of_batch_by_status",
        partialFilterExpression={"batch_id": {"$exists": True}},
    ),
    IndexModel(
        [("owner", ASCENDING), ("idempotency.key", ASCENDING)],
        name="one_per_idempotency_key",
        unique=True,
        partialFilterExpression={"idempotency.key": {"$exists": True}},
    ),
    # Listings, newest first: all, an owner's, and either by the one filter that is given.
    _newest("newest"),
    _newest("newest_of_owner", "owner"),
    _newest("newest_by_status", "status"),
    _newest("newest_of_owner_by_status", "owner", "status"),
    _newest("newest_by_type", "job_type"),
    _newest("newest_by_tag", "tags", optional=True),
    _newest("newest_by_user", "user_id", optional=True),
    _newest("newest_of_batch", "batch_id", optional=True),
)

BATCHES: Sequence[IndexModel] = (
    IndexModel(
        [("owner", ASCENDING), ("idempotency.key", ASCENDING)],
        name="one_per_idempotency_key",
        unique=True,
        partialFilterExpression={"idempotency.key": {"$exists": True}},
    ),
)


async def ensure(client: Client) -> None:
    """Make the indexes that are missing; safe to repeat, also by several at once.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    await client.collection("jobs").create_indexes([*JOBS, *removal.JOBS])
    await client.collection("batches").create_indexes([*BATCHES, *removal.BATCHES])
    await client.collection("job_logs").create_indexes(logs.INDEXES)
    await client.collection("files").create_indexes(files.BEGUN)
    await client.collection("fs.chunks").create_indexes(files.CHUNKS)
    await client.collection("cache").create_indexes(cache.INDEXES)
    await client.collection("deliveries").create_indexes(repository.INDEXES)
    await client.collection("job_types").create_indexes(job_types.INDEXES)
    await client.collection("workers").create_indexes(workers.INDEXES)
    await client.collection("muted_urls").create_indexes(repository.MUTED_INDEXES)
    await client.collection("notifiers").create_indexes(notifiers.INDEXES)
