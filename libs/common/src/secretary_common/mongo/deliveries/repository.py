"""The repository of webhook deliveries in MongoDB."""

from __future__ import annotations

from datetime import timedelta

from secretary_common.mongo.deliveries.due import MongoDueDeliveries
from secretary_common.mongo.deliveries.queue import MongoDeliveryQueue
from secretary_common.mongo.deliveries.reader import DeliveryReader
from secretary_common.mongo.deliveries.storage import MongoDeliveryStorage
from secretary_common.mongo.driver.collection import Collection
from secretary_common.ports import EndpointRepository
from secretary_common.runtime.clock import Clock, ServerClock


class MongoDeliveryRepository(MongoDeliveryStorage, MongoDueDeliveries, MongoDeliveryQueue):
    """Webhook deliveries in MongoDB (``ports.DeliveryRepository``)."""

    def __init__(
        self,
        deliveries: Collection,
        muted: Collection,
        clock: Clock | None = None,
        retention: timedelta = timedelta(days=30),
        endpoints: EndpointRepository | None = None,
    ) -> None:
        """Make the repository.

        Args:
            deliveries: the collection of the deliveries.
            muted: the collection with an owner and a hash for each URL that answered 410; an entry
                lasts a day.
            clock: the clock of the store.
            retention: a delivery that this version could not read is kept for this long.
            endpoints: the endpoints of deliveries; None: none exists.
        """
        self._deliveries = deliveries
        self._muted = muted
        self._endpoints = endpoints
        self._reader = DeliveryReader(deliveries, clock or ServerClock(), retention)
