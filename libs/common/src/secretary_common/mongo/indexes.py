"""Every index, in one place: each query of the repositories has one that serves it."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING, IndexModel

from secretary_common.mongo import deliveries
from secretary_common.mongo.driver import Client

JOBS: Sequence[IndexModel] = (
    # Candidates: $in over job_type is merged in the order of the rest, so nothing is sorted.
    IndexModel(
        [("job_type", ASCENDING), ("priority", DESCENDING), ("run_at", ASCENDING)],
        name="waiting_by_order",
        partialFilterExpression={"status": "pending"},
    ),
    IndexModel(
        [("job_type", ASCENDING), ("run_at", ASCENDING)],
        name="waiting_by_run_at",
        partialFilterExpression={"status": "pending"},
    ),
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
    IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
    IndexModel(
        [("owner", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)],
        name="newest_of_owner",
    ),
)

LOGS: Sequence[IndexModel] = (
    IndexModel(
        [("job_id", ASCENDING), ("attempt", DESCENDING), ("seq", DESCENDING)], name="of_job"
    ),
)


async def ensure(client: Client) -> None:
    """Make the indexes that are missing; safe to repeat, also by several at once.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    await client.collection("jobs").create_indexes(JOBS)
    await client.collection("job_logs").create_indexes(LOGS)
    await client.collection("deliveries").create_indexes(deliveries.INDEXES)
