"""RabbitMQ, the doorbell: the only package that talks to RabbitMQ.

Here belong connections, queues, rings and consumers. A message carries an id and nothing else: the
services read all data from MongoDB.
"""
