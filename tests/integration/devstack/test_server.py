"""Local servers keep port and data over restarts; a replica set survives the loss of a node."""

from __future__ import annotations

from pathlib import Path

import aio_pika
import pytest

from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.rabbitmq.handshake import server_properties
from secretary_devstack.servers.rabbitmq.node import RabbitMQ

pytestmark = pytest.mark.drill


def test_a_killed_mongod_starts_again_with_its_data(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path) as mongo:
        with mongo.primary().client() as client:
            client.test.kept.insert_one({"_id": "before"})
        mongo.nodes[0].kill()
        mongo.start()
        with mongo.primary().client() as client:
            assert client.test.kept.find_one({}) == {"_id": "before"}


def test_three_nodes_elect_another_primary(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path, size=3, election_timeout_ms=2000) as mongo:
        first = mongo.primary()
        first.kill()
        assert mongo.primary(timeout_sec=30) is not first


async def test_a_stopped_broker_starts_again_with_its_queues(own_broker: RabbitMQ) -> None:
    connection = await aio_pika.connect(own_broker.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            "kept", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await channel.default_exchange.publish(aio_pika.Message(b"before"), queue.name)
    own_broker.stop()
    assert server_properties(own_broker.url) is None
    own_broker.start()
    connection = await aio_pika.connect(own_broker.url)
    async with connection:
        channel = await connection.channel()
        kept = await channel.get_queue("kept")
        message = await kept.get(no_ack=True)
        assert message.body == b"before"


def test_the_session_has_a_rabbitmq_broker(amqp_url: str) -> None:
    assert (server_properties(amqp_url) or {})["product"] == "RabbitMQ"


def test_every_test_has_its_own_database(mongo_url: str, database_name: str) -> None:
    assert mongo_url.startswith("mongodb://")
    assert database_name.startswith("test_")
