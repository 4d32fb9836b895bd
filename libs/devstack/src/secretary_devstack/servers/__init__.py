"""Servers that Secretary talks to: MongoDB, RabbitMQ, proxies, HTTP servers; how to install them.

Servers run as local processes, in containers, or as threads of this process. Secretary's own
services belong to ``processes``, the fake provider to ``provider``.
"""
