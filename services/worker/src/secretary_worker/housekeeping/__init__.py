"""Removes what has expired: jobs with their files, logs and deliveries, unused cache entries.

``sweeper`` decides what goes and in which order, ``eviction`` keeps the cache within its bounds.
It stands alone: nothing else in the worker imports it but ``main``, and it imports nothing of them.
"""
