"""Secretary's services as child processes, one by one or as a whole stack, and an HTTP client.

MongoDB, RabbitMQ and other servers belong in ``servers``.
"""
