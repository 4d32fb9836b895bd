"""Every queue, and the body of the messages in each.

    secretary.jobs.<type>         {"job_id": …}        quorum, rings the workers
    secretary.jobs.<type>:quick   {"job_id": …}        classic, for quick doorbells
    secretary.deliveries          {"delivery_id": …}   quorum, rings the notifiers
    secretary.deliveries:quick    {"delivery_id": …}   classic, for quick doorbells
    secretary.dead                messages that could not be parsed, unchanged

``broker.queue_type: classic`` makes the quorum queues classic ones.

Messages are doorbells: MongoDB holds the truth, so a full queue may drop its oldest message.

A quorum queue delivers a message only once most of its nodes have the message on disk. So a
doorbell for a single event is also sent as a quick one, which the broker never writes to disk. A
quick doorbell only saves this time: a consumer that cannot use it drops it, because the doorbell
in the quorum queue follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from aio_pika.abc import AbstractChannel, AbstractQueue
from pamqp.common import FieldTable

from secretary_common.settings.service import QueueType

DELIVERIES = "secretary.deliveries"
DEAD = "secretary.dead"
# While all slots are busy, workers find jobs by polling and leave the messages in the queue.
LONGEST_QUEUE = 10_000


SHARED = "shared"
"""The header of a doorbell that stands for several jobs, with their number; 0 if it is unknown."""
HAS_QUICK = "quick"
"""The header of a doorbell that follows a quick one with the same body."""
_QUICK = ":quick"  # the name of a job type has no colon
_LONGEST_QUICK_QUEUE = 100
_QUICK_MS = 1_000
"""A quick doorbell is dropped after this time: the other doorbell has arrived by then."""


def job_queue(job_type: str) -> str:
    """Return the name of the queue for *job_type*."""
    return f"secretary.jobs.{job_type}"


def quick_queue(queue: str) -> str:
    """Return the name of the queue for the quick doorbells of *queue*."""
    return f"{queue}{_QUICK}"


def all_queues(job_types: Iterable[str]) -> list[str]:
    """Return the names of all queues of a system with these job types."""
    rung = [DELIVERIES, *map(job_queue, job_types)]
    return [DEAD, *rung, *map(quick_queue, rung)]


async def declare(
    channel: AbstractChannel, name: str, queue_type: QueueType = "quorum"
) -> AbstractQueue:
    """Declare the queue *name*; it is created if it is missing. Quick queues are always classic."""
    arguments: FieldTable = {"x-queue-type": queue_type, "x-max-length": LONGEST_QUEUE}
    if name.endswith(_QUICK):
        # Durable, because RabbitMQ 4 discourages other shared queues. Its messages are not.
        arguments = {"x-queue-type": "classic", "x-max-length": _LONGEST_QUICK_QUEUE}
        arguments["x-message-ttl"] = _QUICK_MS
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
