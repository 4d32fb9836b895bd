"""Decides what becomes of the webhook slot in a job. Pure: it reads and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.jobs.new_deliveries import event_delivery, overtaken_delivery
from secretary_common.jobs.payload import body_of
from secretary_common.jobs.receivers import Receiver, receivers_of
from secretary_common.models import Delivery, Endpoint, Job, NotifySlot, Phase

PROGRESS_INTERVAL_SEC = 1.0
"""The shortest time between two progress events of a job."""
CLOCK_ERROR, NO_TIME = timedelta(seconds=0.1), timedelta()
"""Two processes that agree on the store's time may still differ by ``CLOCK_ERROR``."""
LONGEST_PRECEDENCE_SEC = 5.0
"""The end of a job waits at most this long for the start of the first attempt of its overtaken
progress."""


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


@dataclass(frozen=True, slots=True)
class SlotStep:
    """What to do about a job's slot; no step if all fields are empty."""

    deliveries: Sequence[Delivery] = ()
    """The deliveries to insert: first the progress to send before the event, if any."""
    postponed_to: datetime | None = None
    is_unwanted: bool = False
    """No receiver wants the event: the slot is only cleared."""
    fault: Exception | None = None


def step_of(
    job: Job, known: Mapping[str, Endpoint], now: datetime, public_url: str, wait_sec: float
) -> SlotStep:
    """Decide what to do about the slot of *job*.

    Args:
        job: the job, just read from the store.
        known: the endpoints that the job names, by id, as far as they exist.
        now: the store's time.
        public_url: the URL of the API, for bodies that would be too large.
        wait_sec: the delay of the first attempt of a terminal event.
    """
    slot = job.notify
    if slot is None or not _is_due(slot, now):
        return SlotStep()
    receivers = receivers_of(job, known, now)
    if not any(receiver.wants(slot.phase) for receiver in receivers):
        return SlotStep(is_unwanted=True)
    if earliest := _too_early(slot, job.notified_at, now):
        return SlotStep(postponed_to=earliest)
    try:
        made = _deliveries(job, slot, receivers, now=now, public_url=public_url, wait_sec=wait_sec)
    except Exception as error:  # noqa: BLE001 - one bad job must not stop the others
        return SlotStep(fault=error)
    return SlotStep(deliveries=made, is_unwanted=not made)


def _deliveries(
    job: Job,
    slot: NotifySlot,
    receivers: Sequence[Receiver],
    *,
    now: datetime,
    public_url: str,
    wait_sec: float,
) -> list[Delivery]:
    """Return the deliveries of the event in *slot*, each after the progress to send before it."""
    overtaken = slot.overtaken if _may_precede(job, now) else None
    wait_sec = wait_sec if slot.phase is not Phase.PROCESSING else 0.0
    body = body_of(job, slot, public_url)
    made: list[Delivery] = []
    for receiver in receivers:
        if not (receiver.wants(slot.phase) and receiver.keeps(slot.phase)):
            continue
        first = overtaken if receiver.wants(Phase.PROCESSING) and receiver.enabled else None
        wait = max(wait_sec, LONGEST_PRECEDENCE_SEC) if first else wait_sec
        event = event_delivery(job, receiver, slot, body, now=now, wait_sec=wait)
        if first:
            made.append(overtaken_delivery(event, job, first, public_url))
        made.append(event)
    return made


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


def _too_early(slot: NotifySlot, notified_at: datetime | None, now: datetime) -> datetime | None:
    """Return the earliest time of the event if that time is still to come; otherwise None."""
    earliest = _next_progress_at(notified_at)
    is_progress = slot.phase is Phase.PROCESSING
    return earliest if is_progress and earliest and earliest > now else None


def _next_progress_at(notified_at: datetime | None) -> datetime | None:
    return notified_at and notified_at + timedelta(seconds=PROGRESS_INTERVAL_SEC)
