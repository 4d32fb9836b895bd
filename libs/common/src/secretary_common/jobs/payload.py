"""The body of a webhook.

New versions may add keys, but each key keeps its meaning. Receivers ignore unknown keys.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from secretary_common.jobs.repetition import expanded, reductions
from secretary_common.models import Job, JobError, JobProgress, NotifySlot, Phase

SCHEMA_VERSION = 1
LONGEST_BODY_BYTES = 256 * 1024
UNEXPECTED = "The handler ended with an unexpected error. The job shows it to its owner."
"""Replaces the text of an exception that the handler did not raise on purpose."""
UNEXPECTED_MARK = "error_type"
"""Only the details of an error from such an exception have this field."""
MESSAGES = {
    Phase.PROCESSING: "Processing",
    Phase.COMPLETED: "Processing completed",
    Phase.FAILED: "Processing failed",
    Phase.CANCELLED: "Processing cancelled",
    Phase.TEST: "A test of this receiver; no job has anything to do with it",
    Phase.OPERATOR: "A fault of the system",
}


def body_of(job: Job, slot: NotifySlot, public_url: str) -> bytes:
    """Return the body of an event: compact JSON in UTF-8.

    Some results contain the same data under two keys. If the body would have over 256 KiB, it
    contains such data once: ``data_left_out`` names the other keys, and ``data_url`` leads to all
    results. If the body is still too large, or if the results are in a file, the body has
    ``data_url`` but no results. An error in a body over 256 KiB keeps only its code and message.
    """
    payload = _payload(job, slot)
    body = encode(payload)
    results_in_file = slot.phase is Phase.COMPLETED and job.results_file is not None
    if len(body) <= LONGEST_BODY_BYTES and not results_in_file:
        return body
    if slot.phase is Phase.COMPLETED:
        payload["data_url"] = f"{public_url}/api/jobs/{job.job_id}/results"
        for data, left_out in reductions(job.results or {}):
            body = encode({**payload, "data": data, "data_left_out": left_out})
            if len(body) <= LONGEST_BODY_BYTES:
                return body
        del payload["data"]
    elif slot.phase is Phase.FAILED:
        payload["error"]["details"] = None
    return encode(payload)


def trial_body_of(test_id: str, seq: int, now: datetime) -> bytes:
    """Return the body of a test: it has the shape of an event, but no job."""
    return encode(
        {
            "phase": Phase.TEST.value,
            "message": MESSAGES[Phase.TEST],
            **frame(test_id, Phase.TEST.value, test_id, seq=seq, run=1, at=now),
        }
    )


def _payload(job: Job, slot: NotifySlot) -> dict[str, Any]:
    ended = slot.phase is not Phase.PROCESSING
    at = (job.completed_at if ended else None) or job.updated_at
    shared = frame(job.job_id, job.job_type, client_job_id(job), seq=slot.seq, run=slot.run, at=at)
    return {"phase": slot.phase.value, **_phase_fields(job, slot.phase), **shared}


def frame(
    job_id: str, processor: str, client_id: str, *, seq: int, run: int, at: datetime
) -> dict[str, Any]:
    """Return the keys that every event has."""
    return {
        "process": {"id": job_id, "main_processor": processor},
        "job": {"id": client_id},
        "schema_version": SCHEMA_VERSION,
        "seq": seq,
        "run": run,
        "occurred_at": timestamp(at),
    }


def _phase_fields(job: Job, phase: Phase) -> dict[str, Any]:
    """Return the keys that depend on the phase."""
    if phase is Phase.PROCESSING:
        progress = job.progress or JobProgress()
        message = progress.message or progress.step or MESSAGES[phase]
        return {"progress": progress.percent, "message": message, "step": progress.step}
    if phase is Phase.COMPLETED:
        return {"message": MESSAGES[phase], "data": job.results and expanded(job.results)}
    if phase is Phase.FAILED and job.error is not None:
        error = _public_error(job.error)
        return {"message": error["message"], "error": error, "data": None}
    return {"message": MESSAGES[phase], "data": None}


def _public_error(error: JobError) -> dict[str, Any]:
    """Return *error* for a webhook, without texts that only the job's owner may see.

    Left out are the traceback, and the text of an exception that the handler did not raise on
    purpose: such a text may contain a path, or a parameter that is stored encrypted.
    """
    details = error.details or {}
    kept = {name: value for name, value in details.items() if name != "traceback"}
    message = UNEXPECTED if UNEXPECTED_MARK in details else error.message
    return {"code": error.code, "message": message, "details": kept or None}


def client_job_id(job: Job) -> str:
    """Return the client's own id of *job*, or the job id."""
    return (job.webhook and job.webhook.client_job_id) or job.job_id


def encode(payload: dict[str, Any]) -> bytes:
    """Return the bytes of a body: compact JSON in UTF-8."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), default=_jsonable)
    return text.encode()


def _jsonable(value: Any) -> str:
    """Convert a time in a handler's results, the only stored type that JSON does not have."""
    return timestamp(value) if isinstance(value, datetime) else str(value)


def timestamp(moment: datetime) -> str:
    """Return a time as all bodies have it: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
