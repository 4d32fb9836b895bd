"""Secretary's services as child processes, one by one or as a whole stack, and an HTTP client.

The servers behind the services belong to ``servers``.
"""
