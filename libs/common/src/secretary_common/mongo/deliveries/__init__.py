"""Webhook deliveries in MongoDB.

``MongoDeliveryRepository`` consists of a part for clients (storage) and a part for notifiers
(queue). The outbox slot in a job belongs to ``mongo.jobs``.
"""
