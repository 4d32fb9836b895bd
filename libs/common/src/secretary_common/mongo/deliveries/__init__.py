"""Webhook deliveries in MongoDB.

``MongoDeliveryRepository`` consists of a part for clients (``storage``) and two for notifiers: due
deliveries (``due``), claims and records (``queue``). The outbox slot in a job belongs to
``mongo.jobs``.
"""
