"""RabbitMQ, the doorbell: the only package that talks to it."""
