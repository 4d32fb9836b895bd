"""What an operator event says: its text, its body and its deliveries."""

from __future__ import annotations

from collections.abc import Mapping

from secretary_common.jobs.payload import encode, frame, timestamp
from secretary_common.jobs.receivers import delivery_origin
from secretary_common.models import Delivery, Endpoint, Phase, delivery_id_of, order_key_of
from secretary_common.operator_events.fault import Fault, FaultEvent, FaultKind, FaultState

_TEXTS: Mapping[FaultKind, str] = {
    FaultKind.RECEIVER_FAILING: "The receiver {subject} fails; its webhooks wait",
    FaultKind.RECEIVER_DISABLED: "The receiver {subject} answered 410 Gone: no webhooks for a day",
    FaultKind.DELIVERY_DEAD: "Webhooks for {subject} were given up; they can be sent again",
    FaultKind.BROKER_AWAY: "RabbitMQ does not work; jobs start by polling",
    FaultKind.TYPE_WITHOUT_WORKER: "Jobs of the type {subject} wait, and no worker takes them",
    FaultKind.DISK_LOW: "MongoDB's disk is almost full",
}
_STATES = {FaultState.BEGAN: "", FaultState.LASTS: " (lasts)", FaultState.ENDED: " (is over)"}


def text_of(fault: Fault, event: FaultEvent) -> str:
    """Return the event in one sentence."""
    return _TEXTS[fault.kind].format(subject=fault.subject) + _STATES[event.state]


def body_of(fault: Fault, event: FaultEvent) -> bytes:
    """Return the body of an operator event: it has the shape of an event, but no job."""
    phase = Phase.OPERATOR.value
    return encode(
        {
            "phase": phase,
            "message": text_of(fault, event),
            "event": fault.kind.value,
            "state": event.state.value,
            "subject": fault.subject,
            "details": fault.details,
            "began_at": timestamp(fault.began_at),
            **frame(event.event_id, phase, event.event_id, seq=1, run=1, at=event.at),
        }
    )


def delivery_to(endpoint: Endpoint, fault: Fault, event: FaultEvent) -> Delivery:
    """Return the delivery of *event* to *endpoint*; its id depends on these two alone."""
    return Delivery(
        delivery_id=delivery_id_of(order_key_of(event.event_id, endpoint.endpoint_id), 1),
        job_id=event.event_id,
        endpoint_id=endpoint.endpoint_id,
        owner=endpoint.owner,
        seq=1,
        run=1,
        phase=Phase.OPERATOR,
        url=endpoint.url,
        origin=delivery_origin(endpoint.url, endpoint.endpoint_id),
        body=body_of(fault, event),
        secret=endpoint.secret,
        headers=endpoint.headers,
        created_at=event.at,
        next_attempt_at=event.at,
    )
