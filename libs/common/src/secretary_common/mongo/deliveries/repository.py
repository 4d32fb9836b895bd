"""The repository of webhook deliveries in MongoDB."""

from __future__ import annotations

from datetime import timedelta

from secretary_common.mongo.collection import Collection
from secretary_common.mongo.deliveries.queue import MongoDeliveryQueue
from secretary_common.mongo.deliveries.reader import DeliveryReader
from secretary_common.mongo.deliveries.storage import MongoDeliveryStorage
from secretary_common.runtime.clock import Clock, ServerClock


class MongoDeliveryRepository(MongoDeliveryStorage, MongoDeliveryQueue):
    """Webhook deliveries in MongoDB (``ports.DeliveryRepository``)."""

    def __init__(
        self,
        deliveries: Collection,
        muted: Collection,
        clock: Clock | None = None,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        """Wire the repository.

        Args:
            deliveries: the collection of the deliveries.
            muted: the collection of the URLs that answered 410.
            clock: the store's.
            retention: how long a delivery is kept that this version could not read.
        """
        self._deliveries = deliveries
        self._muted = muted
        self._reader = DeliveryReader(deliveries, clock or ServerClock(), retention)
