"""Removes expired jobs with their files, logs and deliveries, and unused cache entries.

``sweeper`` removes documents and files in a safe order, ``eviction`` keeps the cache within its
limits. In the worker only ``main`` imports this package, and it imports no other package of the
worker.
"""
