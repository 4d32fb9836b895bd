"""Deliveries as MongoDB documents.

A delivery that waits has ``next_attempt_at``; while a notifier sends it, this is the end of the
lease. So one index finds both due and abandoned deliveries, and ended deliveries are not in it.
``is_retry`` repeats ``tries > 0`` in a form that the index can use. ``recorded`` is the token of
the claim that was recorded last: it shows whether a repeated write lost its answer or its lease.
"""

from __future__ import annotations

from datetime import UTC, datetime

from secretary_common.models import Delivery, DueDelivery
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.mongo.collection import Document

PENDING, SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
DEAD = DeliveryState.DEAD.value
JOB_PHASES = [phase.value for phase in Phase if phase is not Phase.TEST]
"""The phases of events of jobs; tests have no job."""
LOST: Document = {"state": DEAD, "phase": {"$ne": Phase.TEST.value}}
"""Dead deliveries of events of jobs; a failed test of a receiver does not count."""
CHOICE = ("job_id", "seq", "owner", "origin", "phase", "tries")
"""The fields that choosing the next delivery needs."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
WAITS: Document = {"next_attempt_at": {"$gt": LONG_AGO}}
"""Deliveries that wait or are being sent, written so that the partial indexes match."""
BRIEF = {"body": False, "token": False, "secret": False, "headers": False}


def to_document(delivery: Delivery) -> Document:
    """Return the document of *delivery*; fields that are None are absent."""
    document = delivery.model_dump(exclude_none=True)
    return {"_id": document.pop("delivery_id"), "is_retry": delivery.tries > 0, **document}


def to_delivery(document: Document) -> Delivery:
    """Return the delivery of a document; fields that a listing left out are empty."""
    return Delivery.model_validate({"body": b"", "delivery_id": document.pop("_id"), **document})


def to_due(document: Document) -> DueDelivery:
    """Return the fields of a document that choosing needs."""
    return DueDelivery(
        delivery_id=document["_id"],
        job_id=document["job_id"],
        seq=document["seq"],
        owner=document["owner"],
        origin=document["origin"],
        phase=Phase(document["phase"]),
        tries=document.get("tries", 0),
    )
