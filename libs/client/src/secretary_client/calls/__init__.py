"""The calls of the API, each written once for both clients.

A method returns a flow. ``returns`` and ``yields`` make it a method that runs the flow: at once
with the sync client, as a coroutine or an async iterator with the async client.
"""
