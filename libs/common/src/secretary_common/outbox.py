"""The webhook outbox: from the slot in a job to a delivery with its bytes frozen.

The slot is a field of the job, set by the same write as the state it tells of. ``relay`` turns it
into a delivery under a deterministic id and then clears it: repeated anywhere in between, it makes
nothing twice and loses nothing.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from secretary_common.errors import UrlRefused
from secretary_common.models import (
    Delivery,
    Job,
    JobError,
    JobProgress,
    NotifySlot,
    Phase,
    Webhook,
    delivery_id_of,
)
from secretary_common.ports import DeliveryRepository, JobRepository
from secretary_common.url_guard import origin_of

SCHEMA_VERSION = 1
PROGRESS_INTERVAL_SEC = 1.0
"""At least this long between two progress events of a job."""
LONGEST_BODY_BYTES = 256 * 1024
MESSAGES = {
    Phase.PROCESSING: "Processing",
    Phase.COMPLETED: "Processing completed",
    Phase.FAILED: "Processing failed",
    Phase.CANCELLED: "Processing cancelled",
}


def progress_slot(
    job: Job, seq: int, now: datetime, notified_at: datetime | None
) -> NotifySlot | None:
    """The slot a progress write leaves; None if nobody wants to hear of it.

    Args:
        job: the one that progressed.
        seq: of the change this tells of.
        now: the store's time.
        notified_at: when the slot was last cleared, as far as the writer knows.
    """
    if job.webhook is None or not job.webhook.progress:
        return None
    due_at = max(now, _next_progress_at(notified_at) or now)
    return NotifySlot(seq=seq, run=job.run, phase=Phase.PROCESSING, due_at=due_at)


async def relay(
    job: Job,
    jobs: JobRepository,
    deliveries: DeliveryRepository,
    now: datetime,
    public_url: str,
    *,
    wait_sec: float = 0.0,
) -> Delivery | None:
    """Turn the due slot of *job*, as just read, into a delivery; None if there is none to make.

    A progress that would come within a second of the one before is put off instead.

    Args:
        job: with the slot.
        jobs: where the slot is cleared or put off.
        deliveries: where the delivery goes.
        now: the store's time.
        public_url: the API's, for bodies that would be too large.
        wait_sec: until the first attempt of a terminal event.

    Raises:
        StoreUnavailable: safe to repeat.
    """
    slot = job.notify
    if slot is None or slot.due_at > now:
        return None
    if job.webhook is None:
        await jobs.clear_slot(job.job_id, slot.seq, now)
        return None
    if earliest := _too_early(slot, job.notified_at, now):
        await jobs.postpone_slot(job.job_id, slot, earliest)
        return None
    first_at = now if slot.phase is Phase.PROCESSING else now + timedelta(seconds=wait_sec)
    body = body_of(job, slot, public_url)
    delivery = _delivery(job, job.webhook, slot, now=now, first_at=first_at, body=body)
    await deliveries.insert_if_absent(delivery)
    if not await jobs.clear_slot(job.job_id, slot.seq, now):
        await _put_off_newer_progress(job, jobs, now)
    return delivery


def _too_early(slot: NotifySlot, notified_at: datetime | None, now: datetime) -> datetime | None:
    """For a progress within a second of the event before: when it may go."""
    earliest = _next_progress_at(notified_at)
    is_progress = slot.phase is Phase.PROCESSING
    return earliest if is_progress and earliest and earliest > now else None


async def _put_off_newer_progress(job: Job, jobs: JobRepository, now: datetime) -> None:
    """A newer progress took over the slot and its due time; it is early by what was just made."""
    fresh = await jobs.get(job.job_id)
    if fresh and fresh.notify and fresh.notify.phase is Phase.PROCESSING:
        await jobs.postpone_slot(
            job.job_id, fresh.notify, now + timedelta(seconds=PROGRESS_INTERVAL_SEC)
        )


def _next_progress_at(notified_at: datetime | None) -> datetime | None:
    return notified_at and notified_at + timedelta(seconds=PROGRESS_INTERVAL_SEC)


def _delivery(
    job: Job, webhook: Webhook, slot: NotifySlot, *, now: datetime, first_at: datetime, body: bytes
) -> Delivery:
    url = webhook.url.replace("{jobId}", quote(_client_job_id(job), safe=""))
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
        created_at=now,
        next_attempt_at=first_at,
    )


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except UrlRefused:  # its attempts will say so; the event itself must not be lost
        return "refused"


def body_of(job: Job, slot: NotifySlot, public_url: str) -> bytes:
    """The bytes a receiver gets: compact JSON in UTF-8.

    Over 256 KiB the results give way to ``data_url``, and an error to its code and message.
    """
    payload = _payload(job, slot)
    body = _encode(payload)
    if len(body) <= LONGEST_BODY_BYTES and job.results_file is None:
        return body
    if slot.phase is Phase.COMPLETED:
        del payload["data"]
        payload["data_url"] = f"{public_url}/api/jobs/{job.job_id}/results"
    elif slot.phase is Phase.FAILED:
        payload["error"]["details"] = None
    return _encode(payload)


def _payload(job: Job, slot: NotifySlot) -> dict[str, Any]:
    ended = slot.phase is not Phase.PROCESSING
    return {
        "phase": slot.phase.value,
        **_news(job, slot.phase),
        "process": {"id": job.job_id, "main_processor": job.job_type},
        "job": {"id": _client_job_id(job)},
        "schema_version": SCHEMA_VERSION,
        "seq": slot.seq,
        "run": slot.run,
        "occurred_at": _timestamp((job.completed_at if ended else None) or job.updated_at),
    }


def _news(job: Job, phase: Phase) -> dict[str, Any]:
    """What differs from phase to phase."""
    if phase is Phase.PROCESSING:
        progress = job.progress or JobProgress()
        message = progress.message or progress.step or MESSAGES[phase]
        return {"progress": progress.percent, "message": message, "step": progress.step}
    if phase is Phase.COMPLETED:
        return {"message": MESSAGES[phase], "data": job.results}
    if phase is Phase.FAILED and job.error is not None:
        return {"message": job.error.message, "error": _public_error(job.error), "data": None}
    return {"message": MESSAGES[phase], "data": None}


def _public_error(error: JobError) -> dict[str, Any]:
    """*error* without the traceback, which is for the owner's eyes in the API."""
    kept = {name: value for name, value in (error.details or {}).items() if name != "traceback"}
    return {"code": error.code, "message": error.message, "details": kept or None}


def _client_job_id(job: Job) -> str:
    return (job.webhook and job.webhook.client_job_id) or job.job_id


def _encode(payload: dict[str, Any]) -> bytes:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), default=_jsonable)
    return text.encode()


def _jsonable(value: Any) -> str:
    """A time from a handler's results; MongoDB keeps nothing else that JSON does not."""
    return _timestamp(value) if isinstance(value, datetime) else str(value)


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
