"""Webhook deliveries in memory: a part for clients (storage), and the queue for notifiers."""

from secretary_common.testing.deliveries.repository import InMemoryDeliveryRepository

__all__ = ["InMemoryDeliveryRepository"]
