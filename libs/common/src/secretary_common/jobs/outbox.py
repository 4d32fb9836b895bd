"""The webhook outbox: turns the slot in a job into a delivery.

The slot is a field of the job, set by the same write as the state that the event reports. ``relay``
inserts a delivery with fixed bytes under a deterministic id, then clears the slot. If ``relay`` is
stopped at any point and repeated, no event is lost, and no event gets a second delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from secretary_common.errors import NotStorable
from secretary_common.jobs.payload import body_of, trial_body_of
from secretary_common.jobs.receivers import Receiver, lane_of, receivers_of, target_of
from secretary_common.models import (
    Delivery,
    DeliveryState,
    Endpoint,
    Job,
    NotifySlot,
    OvertakenProgress,
    Phase,
    SealedSecret,
    delivery_id_of,
    new_test_id,
    order_key_of,
)
from secretary_common.observing.tracing import attempt_context
from secretary_common.ports import EndpointRepository, JobRepository

ENDPOINT_DISABLED = "its endpoint is disabled"
"""Why a delivery is ``skipped``."""
PROGRESS_INTERVAL_SEC = 1.0
"""The shortest time between two progress events of a job."""
CLOCK_ERROR, NO_TIME = timedelta(seconds=0.1), timedelta()
"""Two processes that agree on the store's time may still differ by ``CLOCK_ERROR``."""
LONGEST_PRECEDENCE_SEC = 5.0
"""The end of a job waits this long for the first attempt of its overtaken progress, if that waits
for a notifier or its receiver."""


def progress_slot(
    job: Job, seq: int, now: datetime, notified_at: datetime | None
) -> NotifySlot | None:
    """Return the slot for a progress write; None if no receiver wants progress.

    Args:
        job: the job that progressed.
        seq: the number of the change that the event reports.
        now: the store's time.
        notified_at: when the slot was last cleared, as far as the writer knows.
    """
    if not job.sends_progress:
        return None
    due_at = max(now, _next_progress_at(notified_at) or now)
    return NotifySlot(seq=seq, run=job.run, phase=Phase.PROCESSING, due_at=due_at)


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

    Its origin is ``test …``, so that a failing receiver's breaker does not delay the test.
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
        origin=f"test {lane_of(target)}",
        body=trial_body_of(test_id, 1, now),
        token=token,
        secret=secret,
        headers=headers,
        created_at=now,
        next_attempt_at=now,
    )


class NewDeliveries(Protocol):
    """Stores new deliveries."""

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        """Store deliveries, see ``DeliveryStorage``; an error is the result of its delivery."""
        ...


@dataclass(frozen=True, slots=True)
class _Step:
    """The next step for a job's slot; no step if all fields are empty."""

    deliveries: Sequence[Delivery] = ()
    """The deliveries to insert: first the progress to send before the event, if any."""
    postponed_to: datetime | None = None
    is_unwanted: bool = False
    """No receiver wants the event: the slot is only cleared."""
    fault: Exception | None = None


async def relay(
    job: Job,
    jobs: JobRepository,
    deliveries: NewDeliveries,
    now: datetime,
    public_url: str,
    *,
    wait_sec: float = 0.0,
    endpoints: EndpointRepository | None = None,
) -> Delivery | None:
    """Turn the slot of *job*, if it is due, into a delivery; None if no delivery was made.

    A progress event within a second of the previous event is postponed instead. The progress of a
    short job that the slot also holds becomes a delivery of its own, which is sent first.

    Args:
        job: the job with the slot, just read from the store.
        jobs: the repository that clears or postpones the slot.
        deliveries: the repository that stores the delivery.
        now: the store's time.
        public_url: the URL of the API, for bodies that would be too large.
        wait_sec: the delay of the first attempt of a terminal event.
        endpoints: the endpoints that jobs name; None: none is known.

    Raises:
        StoreUnavailable: MongoDB did not answer; the call is safe to repeat.
        NotStorable: the delivery cannot be encoded.
    """
    [made] = await relay_all(
        [job], jobs, deliveries, now, public_url, wait_sec=wait_sec, endpoints=endpoints
    )
    if isinstance(made, Exception):
        raise made
    return made[-1] if made else None


async def relay_all(
    relayed: Sequence[Job],
    jobs: JobRepository,
    deliveries: NewDeliveries,
    now: datetime,
    public_url: str,
    *,
    wait_sec: float = 0.0,
    on_stored: Callable[[Sequence[Delivery]], object] = lambda _: None,
    endpoints: EndpointRepository | None = None,
) -> list[list[Delivery] | Exception]:
    """Do ``relay`` for many jobs with few writes; return the deliveries of each job, by ``seq``.

    A job that cannot be relayed gets its error as its result. *on_stored* is called with all
    deliveries before the slots are cleared: they may be sent by then.

    Raises:
        StoreUnavailable: MongoDB did not answer; the call is safe to repeat.
    """
    named = {one for job in relayed if job.endpoints for one in job.endpoints.ids}
    known = await endpoints.many(named) if named and endpoints else {}
    steps = [_step_of(job, known, now, public_url, wait_sec) for job in relayed]
    pairs = list(zip(relayed, steps, strict=True))
    for job, step in pairs:
        if step.postponed_to and job.notify:
            await jobs.postpone_slot(job.job_id, job.notify, step.postponed_to)
    made = [delivery for step in steps for delivery in step.deliveries]
    faults = await _insert(made, deliveries)
    on_stored([delivery for delivery in made if delivery.delivery_id not in faults])
    relayed_events = [
        (job.job_id, job.notify.seq)
        for job, step in pairs
        if job.notify and (step.is_unwanted or (step.deliveries and not _fault_in(step, faults)))
    ]
    for job_id in await jobs.clear_slots(relayed_events, now) if relayed_events else ():
        await _postpone_newer_progress(job_id, jobs, now)
    return [_result_of(step, faults) for step in steps]


def _result_of(step: _Step, faults: Mapping[str, NotStorable]) -> list[Delivery] | Exception:
    fault = step.fault or _fault_in(step, faults)
    return fault or [made for made in step.deliveries if made.delivery_id not in faults]


def _fault_in(step: _Step, faults: Mapping[str, NotStorable]) -> NotStorable | None:
    """Return why an event of *step* cannot be stored; a progress before it may be missing."""
    found = (faults.get(each.delivery_id) for each in step.deliveries if each.followed_by is None)
    return next((fault for fault in found if fault), None)


def _step_of(
    job: Job, known: Mapping[str, Endpoint], now: datetime, public_url: str, wait_sec: float
) -> _Step:
    slot = job.notify
    if slot is None or not _is_due(slot, now):
        return _Step()
    receivers = receivers_of(job, known, now)
    if not any(receiver.wants(slot.phase) for receiver in receivers):
        return _Step(is_unwanted=True)
    if earliest := _too_early(slot, job.notified_at, now):
        return _Step(postponed_to=earliest)
    overtaken = slot.overtaken if _may_precede(job, now) else None
    wait_sec = wait_sec if slot.phase is not Phase.PROCESSING else 0.0
    try:
        body = body_of(job, slot, public_url)
        made: list[Delivery] = []
        for receiver in receivers:
            first = overtaken if receiver.wants(Phase.PROCESSING) and receiver.enabled else None
            if receiver.wants(slot.phase) and receiver.keeps(slot.phase):
                wait = max(wait_sec, LONGEST_PRECEDENCE_SEC) if first else wait_sec
                end = _delivery(job, receiver, slot, body, now=now, wait_sec=wait)
                made += [_before(end, job, first, public_url), end] if first else [end]
    except Exception as error:  # noqa: BLE001 - one bad job must not stop the others
        return _Step(fault=error)
    return _Step(deliveries=made, is_unwanted=not made)


def _is_due(slot: NotifySlot, now: datetime) -> bool:
    """Return whether the event is due. The end of a job is due as soon as it is stored.

    The process that stored the end may know the store's time less exactly than this one.
    """
    return slot.due_at <= now + (CLOCK_ERROR if slot.phase is not Phase.PROCESSING else NO_TIME)


def _may_precede(job: Job, now: datetime) -> bool:
    """Return whether an overtaken progress is still to send: no event was made within a second.

    It may have become an event itself, between its own write and the end.
    """
    earliest = _next_progress_at(job.notified_at)
    return earliest is None or earliest <= now


def _before(end: Delivery, job: Job, overtaken: OvertakenProgress, public_url: str) -> Delivery:
    """Return the delivery of the progress that is sent before *end*."""
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


async def _insert(made: Sequence[Delivery], deliveries: NewDeliveries) -> dict[str, NotStorable]:
    """Insert the deliveries; return the error of each delivery that cannot be stored, by id."""
    outcomes = await deliveries.insert_absent(made) if made else []
    return {
        delivery.delivery_id: outcome
        for delivery, outcome in zip(made, outcomes, strict=True)
        if isinstance(outcome, NotStorable)
    }


def _too_early(slot: NotifySlot, notified_at: datetime | None, now: datetime) -> datetime | None:
    """Return the earliest time of the event if that time is still to come; otherwise None."""
    earliest = _next_progress_at(notified_at)
    is_progress = slot.phase is Phase.PROCESSING
    return earliest if is_progress and earliest and earliest > now else None


async def _postpone_newer_progress(job_id: str, jobs: JobRepository, now: datetime) -> None:
    """Postpone a newer progress event that replaced the relayed one in the slot."""
    fresh = await jobs.get(job_id)
    if fresh and fresh.notify and fresh.notify.phase is Phase.PROCESSING:
        await jobs.postpone_slot(
            job_id, fresh.notify, now + timedelta(seconds=PROGRESS_INTERVAL_SEC)
        )


def _next_progress_at(notified_at: datetime | None) -> datetime | None:
    return notified_at and notified_at + timedelta(seconds=PROGRESS_INTERVAL_SEC)


def _delivery(
    job: Job, receiver: Receiver, slot: NotifySlot, body: bytes, *, now: datetime, wait_sec: float
) -> Delivery:
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
        origin=lane_of(receiver.url, receiver.endpoint_id),
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


def _trace_of(job: Job) -> str | None:
    context = attempt_context(job.trace, job.job_id, job.attempt)
    return context.header() if context else None
