"""Sets aside a delivery that this version cannot read: a pure rule on the delivery's raw document.

The delivery becomes ``dead``, unless it has ended already. The unreadable fields move into
``unreadable``, and a field that each delivery needs gets a substitute. So the delivery can be
listed and swept like other deliveries. It cannot be sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from secretary_common.models import Delivery, NewerWord
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.mongo.deliveries.document import DEAD
from secretary_common.mongo.driver.collection import Document
from secretary_common.mongo.stored.reader import Reading
from secretary_common.mongo.stored.shape import EARLIEST


def may_be_set_aside(delivery: Delivery, now: datetime) -> bool:
    """Return whether no notifier holds *delivery*. A notifier may still record what it holds."""
    if delivery.state is not DeliveryState.SENDING or delivery.lease is None:
        return True
    return delivery.lease.expires_at <= now


def partial_delivery(document: Document, reading: Reading[Delivery]) -> Delivery:
    """Return a delivery with its readable fields, and with substitutes for the other fields."""
    readable: Mapping[str, Any] = {**_stand_ins(), **reading.values}
    whole = Delivery.model_validate({**readable, "delivery_id": str(document.get("_id"))})
    newer = reading.newer
    if newer and newer.top in ("state", "phase"):
        return whole.model_copy(
            update={newer.top: NewerWord(newer.word or ""), "newer": str(newer)}
        )
    return whole.model_copy(update={"newer": str(newer)}) if newer else whole


def set_aside(
    document: Document,
    delivery: Delivery,
    odd: Collection[str],
    reason: str,
    *,
    now: datetime,
    kept_until: datetime,
) -> Document:
    """Return the update that sets *delivery* aside; a final state other than ``dead`` stays."""
    final = {DeliveryState.DELIVERED, DeliveryState.DROPPED, DeliveryState.SUPERSEDED}
    stays = "state" not in odd and delivery.state in final
    put: Document = {name: _stand_ins()[name] for name in odd if name in _stand_ins()}
    fields = {name: document[name] for name in odd if name in document}
    put |= {
        "unreadable": {"at": now, "reason": reason, "fields": fields},
        "reason": f"UNREADABLE: this version cannot read {reason}",
        "state": delivery.state.value if stays else DEAD,
    }
    if delivery.expires_at is None and not stays:
        put["expires_at"] = kept_until
    dropped = {*odd, "lease", "next_attempt_at"} - put.keys()
    return {"$set": put, "$unset": dict.fromkeys(sorted(dropped), "")}


def _stand_ins() -> dict[str, Any]:
    """Return substitutes for the fields that every delivery has."""
    return {
        "job_id": "",
        "owner": "",
        "seq": 0,
        "run": 1,
        "phase": Phase.PROCESSING.value,
        "url": "",
        "origin": "refused",
        "body": b"",
        "state": DEAD,
        "created_at": EARLIEST,  # listed last
    }
