"""The webhook outbox: turns the slot in a job into a delivery.

The slot is a field of the job, set by the same write as the state that the event reports. ``relay``
inserts a delivery with fixed bytes under a deterministic id, then clears the slot. If ``relay`` is
stopped at any point and repeated, no event is lost, and no event gets a second delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from secretary_common.errors import NotStorable
from secretary_common.jobs.slot import PROGRESS_INTERVAL_SEC, SlotStep, step_of
from secretary_common.models import Delivery, Job, Phase
from secretary_common.ports import EndpointRepository, JobRepository


class NewDeliveries(Protocol):
    """Stores new deliveries."""

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        """Store deliveries, see ``DeliveryStorage``; an error is the result of its delivery."""
        ...


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
    steps = [step_of(job, known, now, public_url, wait_sec) for job in relayed]
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


def _result_of(step: SlotStep, faults: Mapping[str, NotStorable]) -> list[Delivery] | Exception:
    fault = step.fault or _fault_in(step, faults)
    return fault or [made for made in step.deliveries if made.delivery_id not in faults]


def _fault_in(step: SlotStep, faults: Mapping[str, NotStorable]) -> NotStorable | None:
    """Return why an event of *step* cannot be stored; a progress before it may be missing."""
    found = (faults.get(each.delivery_id) for each in step.deliveries if each.followed_by is None)
    return next((fault for fault in found if fault), None)


async def _insert(made: Sequence[Delivery], deliveries: NewDeliveries) -> dict[str, NotStorable]:
    """Insert the deliveries; return the error of each delivery that cannot be stored, by id."""
    outcomes = await deliveries.insert_absent(made) if made else []
    return {
        delivery.delivery_id: outcome
        for delivery, outcome in zip(made, outcomes, strict=True)
        if isinstance(outcome, NotStorable)
    }


async def _postpone_newer_progress(job_id: str, jobs: JobRepository, now: datetime) -> None:
    """Postpone a newer progress event that replaced the relayed one in the slot."""
    fresh = await jobs.get(job_id)
    if fresh and fresh.notify and fresh.notify.phase is Phase.PROCESSING:
        await jobs.postpone_slot(
            job_id, fresh.notify, now + timedelta(seconds=PROGRESS_INTERVAL_SEC)
        )
