"""The repository of webhook deliveries in MongoDB."""

from __future__ import annotations

from secretary_common.mongo.collection import Collection
from secretary_common.mongo.deliveries.queue import MongoDeliveryQueue
from secretary_common.mongo.deliveries.storage import MongoDeliveryStorage


class MongoDeliveryRepository(MongoDeliveryStorage, MongoDeliveryQueue):
    """Webhook deliveries in MongoDB (``ports.DeliveryRepository``)."""

    def __init__(self, deliveries: Collection, muted: Collection) -> None:
        """*muted* holds the URLs that answered 410."""
        self._deliveries = deliveries
        self._muted = muted
