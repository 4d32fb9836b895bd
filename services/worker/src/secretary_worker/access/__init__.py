"""The services for handlers besides their repository: settings, caches, uploads, local files.

Handlers call these services from their own loops. The bridge takes calls to the store to the
engine's loop, which owns the store. Handler packages get the services from ``HandlerContext``. A
handler's reports about its job belong in ``attempt``, child processes in ``sandbox``.
"""
