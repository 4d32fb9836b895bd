"""Deliveries as MongoDB documents.

A delivery that waits has ``next_attempt_at``; while a notifier sends it, this time is the end of
the lease. So one index finds due and abandoned deliveries. Ended deliveries are not in this index.
``is_retry`` repeats ``tries > 0`` in a form that the index can use. ``recorded`` is the token of
the last recorded claim: a notifier that repeats a record sees whether its first write succeeded.

The field ``job_id`` holds the order key (``order_key_of``): for a job's own webhook the job id, for
an endpoint the job id and the endpoint's id. So the unique index of ``job_id``, the queries by it,
and notifiers of versions without endpoints keep the order for each receiver by itself.
"""

from __future__ import annotations

import hashlib

from secretary_common.models import ENDPOINT_MARK, Delivery
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.mongo.driver.collection import Document
from secretary_common.mongo.stored.reader import newer_word
from secretary_common.mongo.stored.shape import EARLIEST, LATEST

PENDING, SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
DEAD = DeliveryState.DEAD.value
JOB_PHASES = [phase.value for phase in Phase if phase.has_job]
"""The phases of events of jobs; tests and operator events have no job."""
LOST: Document = {"state": DEAD, "phase": {"$ne": Phase.TEST.value}}
"""Matches dead deliveries, except tests of receivers."""
CHOICE = ("job_id", "endpoint_id", "seq", "owner", "origin", "phase", "tries")
"""The fields by which a notifier chooses the next delivery."""
WAITS: Document = {"next_attempt_at": {"$gt": EARLIEST, "$lt": LATEST}}
"""Matches deliveries that wait or are being sent, in a form that partial indexes support."""
NOT_NEWER: Document = {
    "$nor": [
        newer_word("phase", [phase.value for phase in Phase]),
        newer_word("state", [state.value for state in DeliveryState]),
    ]
}
"""Excludes deliveries whose state or phase only a newer version of Secretary knows."""


def to_document(delivery: Delivery) -> Document:
    """Return the document of *delivery*; fields that are None are absent."""
    document = delivery.model_dump(exclude_none=True)
    key = delivery.order_key
    made = {"_id": document.pop("delivery_id"), "is_retry": delivery.tries > 0, **document}
    return {**made, "job_id": key}


def of_job(job_id: str) -> Document:
    """Match the deliveries of a job to all receivers."""
    return {"$or": [{"job_id": job_id}, {"job_id": of_endpoints(job_id)}]}


def of_endpoints(job_id: str) -> Document:
    """Match the order keys of a job's endpoints."""
    return beginning_with(job_id + ENDPOINT_MARK)


def beginning_with(start: str) -> Document:
    """Match texts that begin with *start*, in a form that indexes serve."""
    return {"$gte": start, "$lt": start[:-1] + chr(ord(start[-1]) + 1)}


def mute_id(owner: str, url: str) -> str:
    """Return the ``_id`` under which it is stored that a URL gets no events of an owner."""
    return f"{owner} {hashlib.sha256(url.encode()).hexdigest()}"
