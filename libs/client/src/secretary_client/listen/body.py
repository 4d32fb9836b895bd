"""The body and the headers of a webhook, in the form that the notifier sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from secretary_client.event import FeedEvent
from secretary_client.models import Job
from secretary_client.webhook import signature_of

SCHEMA_VERSION = 1
LONGEST_BODY_BYTES = 256 * 1024
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
            not known here, and the body has ``data_url`` instead.
        url: the URL of the API.
        client_id: the client's id of the job.
    """
    payload = _payload(event, job, client_id)
    if event.name == "completed" and (job is None or job["results"] is None):
        del payload["data"]
        payload["data_url"] = _results_url(event, url)
    body = _encoded(payload)
    if len(body) > LONGEST_BODY_BYTES and "data" in payload:
        del payload["data"]
        body = _encoded({**payload, "data_url": _results_url(event, url)})
    return body


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
    at = (job["completed_at"] or job["updated_at"]) if job else None
    return {
        "phase": _PHASES.get(event.name, event.name),
        **_fields(event, job),
        "process": {"id": data["job_id"], "main_processor": data["job_type"]},
        "job": {"id": client_id},
        "schema_version": SCHEMA_VERSION,
        "seq": data["seq"],
        "run": data["run"],
        "occurred_at": at or datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _fields(event: FeedEvent, job: Job | None) -> dict[str, Any]:
    progress, error = event.data["progress"], event.data["error"]
    if event.name == "progress":
        shown = progress or {"step": "", "percent": 0, "message": ""}
        message = shown["message"] or shown["step"] or "Processing"
        return {"progress": shown["percent"], "message": message, "step": shown["step"]}
    message = _MESSAGES[event.name]
    if event.name == "failed" and error:
        return {"message": error["message"], "error": error, "data": None}
    return {"message": message, "data": job["results"] if job else None}


def _results_url(event: FeedEvent, url: str) -> str:
    return f"{url}/api/jobs/{event.data['job_id']}/results"


def _encoded(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
