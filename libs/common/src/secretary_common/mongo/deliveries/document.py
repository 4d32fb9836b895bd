"""Deliveries as documents: how they lie in MongoDB.

A delivery that waits has ``next_attempt_at``; while it is sent, that is the end of its sender's
lease. So one index finds what is due and what was abandoned, and what has ended leaves it.
``is_retry`` says in the index what ``tries`` says to people; ``recorded`` is the token of the claim
recorded last, which tells a repeat after a lost answer from a lease that was lost.
"""

from __future__ import annotations

from datetime import UTC, datetime

from secretary_common.models import Delivery, DueDelivery
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.mongo.driver import Document

PENDING, SENDING = DeliveryState.PENDING.value, DeliveryState.SENDING.value
DEAD = DeliveryState.DEAD.value
NEWS = [phase.value for phase in Phase if phase is not Phase.TEST]
"""What somebody waits for."""
LOST: Document = {"state": DEAD, "phase": {"$ne": Phase.TEST.value}}
"""That somebody's news did not arrive; nobody misses a test that failed."""
CHOICE = ("job_id", "seq", "origin", "phase", "tries")
"""What choosing who is sent next needs."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
WAITS: Document = {"next_attempt_at": {"$gt": LONG_AGO}}
"""That it waits or is being sent, in the words of the partial indexes."""
BRIEF = {"body": False, "token": False, "secret": False}


def to_document(delivery: Delivery) -> Document:
    """*delivery* as it lies in MongoDB: what is None is absent."""
    document = delivery.model_dump(exclude_none=True)
    return {"_id": document.pop("delivery_id"), "is_retry": delivery.tries > 0, **document}


def to_delivery(document: Document) -> Delivery:
    """The delivery a document stands for; what a listing left out is empty."""
    return Delivery.model_validate({"body": b"", "delivery_id": document.pop("_id"), **document})


def to_due(document: Document) -> DueDelivery:
    """As much of a document as choosing needs."""
    return DueDelivery(
        delivery_id=document["_id"],
        job_id=document["job_id"],
        seq=document["seq"],
        origin=document["origin"],
        phase=Phase(document["phase"]),
        tries=document.get("tries", 0),
    )
