"""The webhook outbox: turns the slot in a job into a delivery.

The slot is a field of the job, set by the same write as the state that the event reports. ``relay``
inserts a delivery with fixed bytes under a deterministic id, then clears the slot. If ``relay`` is
stopped at any point and repeated, no event is lost, and no event gets a second delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from secretary_common.errors import NotStorable, UrlRefused
from secretary_common.http.url_guard import origin_of
from secretary_common.jobs.payload import body_of, client_job_id, trial_body_of
from secretary_common.models import (
    Delivery,
    Job,
    NotifySlot,
    Phase,
    SealedSecret,
    Webhook,
    delivery_id_of,
    new_test_id,
)
from secretary_common.ports import DeliveryRepository, JobRepository

PROGRESS_INTERVAL_SEC = 1.0
"""The shortest time between two progress events of a job."""


def progress_slot(
    job: Job, seq: int, now: datetime, notified_at: datetime | None
) -> NotifySlot | None:
    """Return the slot for a progress write; None if the job has no webhook for progress.

    Args:
        job: the job that progressed.
        seq: the number of the change that the event reports.
        now: the store's time.
        notified_at: when the slot was last cleared, as far as the writer knows.
    """
    if job.webhook is None or not job.webhook.progress:
        return None
    due_at = max(now, _next_progress_at(notified_at) or now)
    return NotifySlot(seq=seq, run=job.run, phase=Phase.PROCESSING, due_at=due_at)


def target_of(url: str, client_id: str) -> str:
    """Return *url* with ``{jobId}`` replaced by *client_id*, the client's own id of the job."""
    return url.replace("{jobId}", quote(client_id, safe=""))


def trial_delivery(
    url: str,
    *,
    owner: str,
    now: datetime,
    token: SealedSecret | None = None,
    secret: SealedSecret | None = None,
    headers: dict[str, SealedSecret] | None = None,
) -> Delivery:
    """Return a delivery without a job, for a client that tests its receiver.

    Its origin is ``test …``, so that a failing receiver's breaker does not delay the test.
    """
    test_id = new_test_id()
    target = target_of(url, test_id)
    return Delivery(
        delivery_id=delivery_id_of(test_id, 1),
        job_id=test_id,
        owner=owner,
        seq=1,
        run=1,
        phase=Phase.TEST,
        url=target,
        origin=f"test {_origin(target)}",
        body=trial_body_of(test_id, 1, now),
        token=token,
        secret=secret,
        headers=headers,
        created_at=now,
        next_attempt_at=now,
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """The next step for a job's slot; no step if all fields are empty."""

    delivery: Delivery | None = None
    postponed_to: datetime | None = None
    is_unwanted: bool = False
    """The job has no webhook: the slot is only cleared."""
    fault: Exception | None = None


async def relay(
    job: Job,
    jobs: JobRepository,
    deliveries: DeliveryRepository,
    now: datetime,
    public_url: str,
    *,
    wait_sec: float = 0.0,
) -> Delivery | None:
    """Turn the slot of *job*, if it is due, into a delivery; None if no delivery was made.

    A progress event within a second of the previous event is postponed instead.

    Args:
        job: the job with the slot, just read from the store.
        jobs: the repository that clears or postpones the slot.
        deliveries: the repository that stores the delivery.
        now: the store's time.
        public_url: the URL of the API, for bodies that would be too large.
        wait_sec: the delay of the first attempt of a terminal event.

    Raises:
        StoreUnavailable: MongoDB did not answer; the call is safe to repeat.
        NotStorable: the delivery cannot be encoded.
    """
    [made] = await relay_all([job], jobs, deliveries, now, public_url, wait_sec=wait_sec)
    if isinstance(made, Exception):
        raise made
    return made


async def relay_all(
    relayed: Sequence[Job],
    jobs: JobRepository,
    deliveries: DeliveryRepository,
    now: datetime,
    public_url: str,
    *,
    wait_sec: float = 0.0,
) -> list[Delivery | Exception | None]:
    """Do ``relay`` for many jobs with few writes; return one result for each job.

    A job that cannot be relayed gets its error as its result.

    Raises:
        StoreUnavailable: MongoDB did not answer; the call is safe to repeat.
    """
    steps = [_step_of(job, now, public_url, wait_sec) for job in relayed]
    pairs = list(zip(relayed, steps, strict=True))
    for job, step in pairs:
        if step.postponed_to and job.notify:
            await jobs.postpone_slot(job.job_id, job.notify, step.postponed_to)
    made = [step.delivery for step in steps if step.delivery]
    faults = await _insert(made, deliveries)
    relayed_events = [
        (job.job_id, job.notify.seq)
        for job, step in pairs
        if job.notify
        and (step.is_unwanted or (step.delivery and step.delivery.delivery_id not in faults))
    ]
    for job_id in await jobs.clear_slots(relayed_events, now) if relayed_events else ():
        await _postpone_newer_progress(job_id, jobs, now)
    return [
        step.fault or (step.delivery and (faults.get(step.delivery.delivery_id) or step.delivery))
        for step in steps
    ]


def _step_of(job: Job, now: datetime, public_url: str, wait_sec: float) -> _Step:
    slot = job.notify
    if slot is None or slot.due_at > now:
        return _Step()
    if job.webhook is None:
        return _Step(is_unwanted=True)
    if earliest := _too_early(slot, job.notified_at, now):
        return _Step(postponed_to=earliest)
    first_at = now if slot.phase is Phase.PROCESSING else now + timedelta(seconds=wait_sec)
    try:
        body = body_of(job, slot, public_url)
        delivery = _delivery(job, job.webhook, slot, now=now, first_at=first_at, body=body)
    except Exception as error:  # noqa: BLE001 - one bad job must not stop the others
        return _Step(fault=error)
    return _Step(delivery=delivery)


async def _insert(
    made: Sequence[Delivery], deliveries: DeliveryRepository
) -> dict[str, NotStorable]:
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
    job: Job, webhook: Webhook, slot: NotifySlot, *, now: datetime, first_at: datetime, body: bytes
) -> Delivery:
    url = target_of(webhook.url, client_job_id(job))
    return Delivery(
        delivery_id=delivery_id_of(job.job_id, slot.seq),
        job_id=job.job_id,
        owner=job.owner,
        seq=slot.seq,
        run=slot.run,
        phase=slot.phase,
        url=url,
        origin=_origin(url),
        body=body,
        token=webhook.token,
        secret=webhook.secret,
        headers=webhook.headers,
        created_at=now,
        next_attempt_at=first_at,
    )


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except UrlRefused:  # the attempts will fail with the reason; the event must not be lost
        return "refused"
