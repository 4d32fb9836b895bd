"""What handlers may use besides their repository: settings, caches, uploads, local files.

Each service here may be called from the loops of the handlers; the bridge takes the calls to the
engine's loop, which owns the store. Handler packages get the services from ``HandlerContext``.
What a handler reports about its job belongs in ``attempt``, child processes in ``sandbox``.
"""
