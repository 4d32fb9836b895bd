"""Builds deliveries: of an event, of the progress that an end overtook, and of a test."""

from __future__ import annotations

from datetime import datetime, timedelta

from secretary_common.jobs.payload import body_of, trial_body_of
from secretary_common.jobs.receivers import Receiver, delivery_origin, target_of
from secretary_common.models import (
    Delivery,
    DeliveryState,
    Job,
    NotifySlot,
    OvertakenProgress,
    Phase,
    SealedSecret,
    delivery_id_of,
    new_test_id,
    order_key_of,
)
from secretary_common.observing.trace_context import attempt_context

ENDPOINT_DISABLED = "its endpoint is disabled"
"""Why a delivery is ``skipped``."""
TEST_MARK = "test "
"""The beginning of the origin of a test."""


def event_delivery(
    job: Job, receiver: Receiver, slot: NotifySlot, body: bytes, *, now: datetime, wait_sec: float
) -> Delivery:
    """Return the delivery of the event in *slot* to *receiver*.

    Args:
        job: the job that the event reports.
        receiver: who gets the event. If it is disabled, the delivery is ``skipped``.
        slot: the event.
        body: the bytes to send.
        now: the store's time.
        wait_sec: the delay of the first attempt.
    """
    skipped = not receiver.enabled
    return Delivery(
        delivery_id=delivery_id_of(order_key_of(job.job_id, receiver.endpoint_id), slot.seq),
        job_id=job.job_id,
        endpoint_id=receiver.endpoint_id,
        owner=job.owner,
        seq=slot.seq,
        run=slot.run,
        phase=slot.phase,
        url=receiver.url,
        origin=delivery_origin(receiver.url, receiver.endpoint_id),
        body=body,
        token=receiver.token,
        secret=receiver.secret,
        older_secret=receiver.older_secret,
        service_signs=receiver.service_signs,
        headers=receiver.headers,
        created_at=now,
        state=DeliveryState.SKIPPED if skipped else DeliveryState.PENDING,
        reason=ENDPOINT_DISABLED if skipped else None,
        next_attempt_at=None if skipped else now + timedelta(seconds=wait_sec),
        trace=_trace_of(job),
    )


def overtaken_delivery(
    end: Delivery, job: Job, overtaken: OvertakenProgress, public_url: str
) -> Delivery:
    """Return the delivery of the progress that is sent before *end*.

    Args:
        end: the delivery of the job's end, to the same receiver.
        job: the job that both events report.
        overtaken: the progress.
        public_url: the URL of the API, for a body that would be too large.

    Raises:
        NotStorable: the body cannot be encoded.
    """
    phase = Phase.PROCESSING
    slot = NotifySlot(seq=overtaken.seq, run=end.run, phase=phase, due_at=overtaken.at)
    then = job.model_copy(update={"updated_at": overtaken.at, "progress": overtaken.progress})
    fields = {
        "delivery_id": delivery_id_of(end.order_key, slot.seq),
        "seq": slot.seq,
        "phase": phase,
        "body": body_of(then, slot, public_url),
        "next_attempt_at": end.created_at,
        "followed_by": end.seq,
    }
    return end.model_copy(update=fields)


def trial_delivery(
    url: str,
    *,
    owner: str,
    now: datetime,
    token: SealedSecret | None = None,
    secret: SealedSecret | None = None,
    headers: dict[str, SealedSecret] | None = None,
    endpoint_id: str | None = None,
) -> Delivery:
    """Return a delivery without a job, for a client that tests its receiver.

    Its origin begins with ``TEST_MARK``, so that the breaker of a failing receiver does not delay
    the test.
    """
    test_id = new_test_id()
    target = target_of(url, test_id)
    return Delivery(
        delivery_id=delivery_id_of(order_key_of(test_id, endpoint_id), 1),
        job_id=test_id,
        endpoint_id=endpoint_id,
        owner=owner,
        seq=1,
        run=1,
        phase=Phase.TEST,
        url=target,
        origin=TEST_MARK + delivery_origin(target),
        body=trial_body_of(test_id, 1, now),
        token=token,
        secret=secret,
        headers=headers,
        created_at=now,
        next_attempt_at=now,
    )


def _trace_of(job: Job) -> str | None:
    context = attempt_context(job.trace, job.job_id, job.attempt)
    return context.header() if context else None
