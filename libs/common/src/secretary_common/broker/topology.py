"""Every queue, and the body of the messages in each.

    secretary.jobs.<type>   {"job_id": …}        quorum, rings the workers
    secretary.deliveries    {"delivery_id": …}   quorum, rings the notifiers
    secretary.dead          messages that could not be parsed, unchanged

Messages are doorbells: MongoDB holds the truth, so a full queue may drop its oldest message.
"""

from __future__ import annotations

import json

from aio_pika.abc import AbstractChannel, AbstractQueue
from pamqp.common import FieldTable

DELIVERIES = "secretary.deliveries"
DEAD = "secretary.dead"
# While all slots are busy, workers find jobs by polling and leave the messages in the queue.
LONGEST_QUEUE = 10_000


SHARED = "shared"
"""The header of a doorbell that stands for several jobs, with their number."""


def job_queue(job_type: str) -> str:
    """Return the name of the queue for *job_type*."""
    return f"secretary.jobs.{job_type}"


async def declare(channel: AbstractChannel, name: str) -> AbstractQueue:
    """Declare the queue *name*; it is created if it is missing."""
    arguments: FieldTable = {"x-queue-type": "quorum", "x-max-length": LONGEST_QUEUE}
    return await channel.declare_queue(name, durable=True, arguments=arguments)


def encode(field: str, value: str) -> bytes:
    """Return the body of a doorbell."""
    return json.dumps({field: value}).encode()


def decode(field: str, body: bytes) -> str:
    """Return *field* of the body of a doorbell.

    Raises:
        ValueError: the body is not a doorbell with *field*.
    """
    parsed = json.loads(body)
    value = parsed.get(field) if isinstance(parsed, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"a doorbell needs {field}")
    return value
