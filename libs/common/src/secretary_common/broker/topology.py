"""Every queue, and the bodies that travel through them.

    secretary.jobs.<type>   {"job_id": …}        quorum, rings the workers
    secretary.deliveries    {"delivery_id": …}   quorum, rings the notifiers
    secretary.dead          what could not be parsed, as it came

Messages are doorbells: MongoDB holds the truth, so a full queue may drop its oldest ring.
"""

from __future__ import annotations

import json

from aio_pika.abc import AbstractChannel, AbstractQueue
from pamqp.common import FieldTable

DELIVERIES = "secretary.deliveries"
DEAD = "secretary.dead"
# While all slots are busy workers find their work by polling and leave the rings lying.
LONGEST_QUEUE = 10_000


def job_queue(job_type: str) -> str:
    """The queue that rings for *job_type*."""
    return f"secretary.jobs.{job_type}"


async def declare(channel: AbstractChannel, name: str) -> AbstractQueue:
    """The queue *name*, made if it is missing."""
    arguments: FieldTable = {"x-queue-type": "quorum", "x-max-length": LONGEST_QUEUE}
    return await channel.declare_queue(name, durable=True, arguments=arguments)


def encode(field: str, value: str) -> bytes:
    """The body of a doorbell."""
    return json.dumps({field: value}).encode()


def decode(field: str, body: bytes) -> str:
    """What *field* of a doorbell says.

    Raises:
        ValueError: this is no such doorbell.
    """
    parsed = json.loads(body)
    value = parsed.get(field) if isinstance(parsed, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"a doorbell needs {field}")
    return value
