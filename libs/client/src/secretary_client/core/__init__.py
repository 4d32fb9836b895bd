"""The core that the sync and the async client share. It does no I/O.

A call is a flow: a generator that yields effects (send a request, read from a stream, sleep) and
gets their outcomes. ``drivers`` carries the effects out, once with ``httpx.Client`` and once with
``httpx.AsyncClient``. ``returns`` and ``yields`` turn a method that returns a flow into a method of
both clients.
"""
