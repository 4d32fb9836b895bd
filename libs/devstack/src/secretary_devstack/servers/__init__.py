"""Servers with which Secretary communicates: MongoDB, RabbitMQ, proxies, HTTP servers.

The code that runs these servers or installs their programs belongs here. Servers run as
local processes, in containers, or as threads of this process. Secretary's own services belong in
``processes``, the fake provider in ``provider``.
"""
