"""Webhook deliveries in MongoDB: the only queries that read or move them."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING, IndexModel

from secretary_common.mongo.deliveries.document import DEAD, SENDING
from secretary_common.mongo.deliveries.queue import MongoDeliveryQueue
from secretary_common.mongo.deliveries.storage import MongoDeliveryStorage
from secretary_common.mongo.driver import Collection


def _newest(name: str, *fields: str) -> IndexModel:
    keys = [(field, ASCENDING) for field in fields]
    return IndexModel([*keys, ("created_at", DESCENDING), ("_id", DESCENDING)], name=name)


INDEXES: Sequence[IndexModel] = (
    # The promise itself: at most one attempt in flight a job, over all notifiers.
    IndexModel(
        [("job_id", ASCENDING)],
        name="one_in_flight_per_job",
        unique=True,
        partialFilterExpression={"state": SENDING},
    ),
    IndexModel([("job_id", ASCENDING), ("seq", DESCENDING)], name="of_job"),
    IndexModel(
        [("job_id", ASCENDING), ("seq", DESCENDING)],
        name="waiting_of_job",
        partialFilterExpression={"next_attempt_at": {"$exists": True}},
    ),
    # By origin first, so that the backlog of one is never walked through to find another's.
    IndexModel(
        [("is_retry", ASCENDING), ("origin", ASCENDING), ("next_attempt_at", ASCENDING)],
        name="waiting_by_lane",
        partialFilterExpression={"next_attempt_at": {"$exists": True}},
    ),
    IndexModel(
        [("expires_at", ASCENDING)],
        name="by_expiry",
        partialFilterExpression={"expires_at": {"$exists": True}},
    ),
    # For counting alone: no document is read.
    IndexModel(
        [("state", ASCENDING), ("phase", ASCENDING), ("owner", ASCENDING)],
        name="dead_by_phase",
        partialFilterExpression={"state": DEAD},
    ),
    _newest("newest"),
    _newest("newest_of_owner", "owner"),
    _newest("newest_by_state", "state"),
    _newest("newest_of_owner_by_state", "owner", "state"),
)
# Here a TTL index is right: what it removes has no meaning any more.
MUTED_INDEXES: Sequence[IndexModel] = (
    IndexModel([("until", ASCENDING)], name="over", expireAfterSeconds=0),
)


class MongoDeliveryRepository(MongoDeliveryStorage, MongoDeliveryQueue):
    """MongoDB repository of deliveries (``ports.DeliveryRepository``)."""

    def __init__(self, deliveries: Collection, muted: Collection) -> None:
        """*muted*: the URLs that answered 410."""
        self._deliveries = deliveries
        self._muted = muted
