"""Jobs, their batches and their logs in MongoDB.

``MongoJobRepository`` consists of one class per port: actions, candidates, claims, outbox,
statistics. Webhook deliveries belong to ``mongo.deliveries``.
"""
