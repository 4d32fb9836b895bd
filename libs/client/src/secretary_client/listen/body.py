"""The body and the headers of a webhook, in the form that the notifier sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from secretary_client.event import FeedEvent
from secretary_client.models import Job, JobError
from secretary_client.webhook import signature_of

SCHEMA_VERSION = 1
LONGEST_BODY_BYTES = 256 * 1024
UNEXPECTED = "The handler ended with an unexpected error. The job shows it to its owner."
UNEXPECTED_MARK = "error_type"
"""Only the details of an exception that the handler did not raise on purpose have this field."""
_PHASES = {"progress": "processing"}
_MESSAGES = {
    "completed": "Processing completed",
    "failed": "Processing failed",
    "cancelled": "Processing cancelled",
}


def client_id_of(job: Job) -> str:
    """Return the id that the client gave *job* in its webhook, else the job's own."""
    hook = job["parameters"].get("webhook") or {}
    return str(hook.get("jobId") or job["job_id"])


def body_of(event: FeedEvent, job: Job | None, url: str, client_id: str) -> bytes:
    """Return the body of the webhook about *event*, compact JSON.

    Args:
        event: ``progress``, or the end of a job.
        job: the job in the state of the event; None: it is in a later state, so its results are
            not known here. Then, and if the results are large, the body has ``data_url`` instead.
        url: the URL of the API.
        client_id: the client's id of the job.
    """
    payload = _payload(event, job, client_id)
    is_known = job is not None and not job["results_url"]
    body = _encoded(payload)
    if len(body) > LONGEST_BODY_BYTES and "error" in payload:
        payload["error"]["details"] = None
    elif event.name == "completed" and (len(body) > LONGEST_BODY_BYTES or not is_known):
        del payload["data"]
        payload["data_url"] = f"{url}/api/jobs/{event.data['job_id']}/results"
    else:
        return body
    return _encoded(payload)


def headers_of(event: FeedEvent, body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers of the webhook: each repeat has the same id and a new timestamp."""
    identity = f"msg_{event.data['job_id']}_{event.data['seq']}"
    timestamp = str(int(now.timestamp()))
    signed = f"{identity}.{timestamp}.".encode() + body
    return {
        "Content-Type": "application/json",
        "User-Agent": "Secretary-Webhooks/1 (listen)",
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature_of(secret, signed),
    }


def _payload(event: FeedEvent, job: Job | None, client_id: str) -> dict[str, Any]:
    data = event.data
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    at = (job["completed_at"] or job["updated_at"]) if job else now
    return {
        "phase": _PHASES.get(event.name, event.name),
        **_fields(event, job),
        "process": {"id": data["job_id"], "main_processor": data["job_type"]},
        "job": {"id": client_id},
        "schema_version": SCHEMA_VERSION,
        "seq": data["seq"],
        "run": data["run"],
        "occurred_at": at,
    }


def _fields(event: FeedEvent, job: Job | None) -> dict[str, Any]:
    progress, error = event.data["progress"], event.data["error"]
    if event.name == "progress":
        shown = progress or {"step": "", "percent": 0, "message": ""}
        message = shown["message"] or shown["step"] or "Processing"
        return {"progress": shown["percent"], "message": message, "step": shown["step"]}
    if event.name == "failed" and error:
        public = _public(error)
        return {"message": public["message"], "error": public, "data": None}
    results = job["results"] if job and event.name == "completed" else None
    return {"message": _MESSAGES[event.name], "data": results}


def _public(error: JobError) -> JobError:
    """Return *error* as a webhook has it: without what only the job's owner may see."""
    details = error["details"] or {}
    kept = {name: value for name, value in details.items() if name != "traceback"}
    message = UNEXPECTED if UNEXPECTED_MARK in details else error["message"]
    return {"code": error["code"], "message": message, "details": kept or None}


def _encoded(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
