"""Deliveries as MongoDB documents.

A delivery that waits has ``next_attempt_at``; while a notifier sends it, this is the end of the
lease. So one index finds both due and abandoned deliveries, and ended deliveries are not in it.
``is_retry`` repeats ``tries > 0`` in a form that the index can use. ``recorded`` is the token of
the claim that was recorded last: it shows whether a repeated write lost its answer or its lease.
"""

from __future__ import annotations

from secretary_common.models import Delivery
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.mongo.collection import Document
from secretary_common.mongo.stored.reader import newer_word
from secretary_common.mongo.stored.shape import EARLIEST, LATEST

PENDING, SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
DEAD = DeliveryState.DEAD.value
JOB_PHASES = [phase.value for phase in Phase if phase is not Phase.TEST]
"""The phases of events of jobs; tests have no job."""
LOST: Document = {"state": DEAD, "phase": {"$ne": Phase.TEST.value}}
"""Dead deliveries of events of jobs; a failed test of a receiver does not count."""
CHOICE = ("job_id", "seq", "owner", "origin", "phase", "tries")
"""The fields that choosing the next delivery needs."""
WAITS: Document = {"next_attempt_at": {"$gt": EARLIEST, "$lt": LATEST}}
"""Deliveries that wait or are being sent, written so that the partial indexes match."""
NOT_NEWER: Document = {
    "$nor": [
        newer_word("phase", [phase.value for phase in Phase]),
        newer_word("state", [state.value for state in DeliveryState]),
    ]
}
"""Matches deliveries without a word that only a newer version knows; this one leaves the others."""


def to_document(delivery: Delivery) -> Document:
    """Return the document of *delivery*; fields that are None are absent."""
    document = delivery.model_dump(exclude_none=True)
    return {"_id": document.pop("delivery_id"), "is_retry": delivery.tries > 0, **document}
