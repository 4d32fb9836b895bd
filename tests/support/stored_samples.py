"""A sample document of each collection, as this version stores it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]


def times(now: datetime, *names: str) -> Document:
    """Return *names* as times of a minute ago."""
    return dict.fromkeys(names, now - timedelta(minutes=1))


def webhook(url: str) -> Document:
    """Return a webhook as it is stored."""
    return {"url": url, "client_job_id": "mine", "progress": True}


def attempt(now: datetime) -> Document:
    """Return an earlier attempt in the history of a job."""
    return {
        "run": 1,
        "attempt": 1,
        "worker": "w0",
        "host": "h0",
        **times(now, "due_at", "started_at", "ended_at", "next_attempt_at"),
        "outcome": "retry",
        "forgiven": False,
        "reason": "r",
        "error_code": "PROCESSING_ERROR",
        "error_message": "m",
    }


def waiting_job(now: datetime, url: str) -> Document:
    """Return a job that waits for its second attempt."""
    return {
        "_id": "job-sample",
        "job_type": "nap",
        "job_name": "odd",
        "status": "pending",
        "parameters": {"seconds": 0.0},
        "priority": 5,
        "tags": ["a", "b"],
        "user_id": "user",
        "owner": "key-odd",
        "file_roots": ["/files"],
        "s3_places": ["s3://bucket/"],
        "batch_id": "batch-odd",
        "idempotency": {"key": "sample", "body_hmac": "x", "at": now},
        "run": 1,
        "attempt": 1,
        "forgiven": 1,
        "lost_leases": 0,
        "max_attempts": 3,
        "timeout_sec": 60.0,
        **times(now, "run_at", "created_at", "updated_at", "notified_at"),
        "settled": {
            "token": "t0",
            "outcome": "retry",
            "worker": "w0",
            "host": "h0",
            "lost": False,
        },
        "attempts": [attempt(now)],
        "cancel_requested": False,
        "error": {"code": "PROCESSING_ERROR", "message": "m", "details": {"a": 1}},
        "seq": 3,
        "notify": {
            "seq": 3,
            "run": 1,
            "phase": "processing",
            "due_at": now + timedelta(hours=1),
        },
        "webhook": webhook(url),
        "endpoints": {"ids": ["ep-good"], "progress": True},
    }


def running_job(now: datetime, url: str) -> Document:
    """Return a job whose worker has died."""
    job = waiting_job(now, url)
    del job["settled"], job["error"]
    silence = {"run": 1, "attempt": 1, "token": "t0", "worker": "w0", "how": "died", "at": now}
    return job | {
        "status": "processing",
        "lease": {"owner": "w1", "token": "t1", "expires_at": now - timedelta(seconds=5)},
        "progress": {"step": "s", "percent": 10, "message": "m"},
        "silences": [silence],
        **times(now, "processing_started_at"),
    }


def ended_job(now: datetime, url: str) -> Document:
    """Return a completed job whose webhook is due."""
    job = waiting_job(now, url)
    del job["error"]
    file = {"name": "a.txt", "file_id": "file-x", "size": 1, "sha256": "x", "content_type": "t"}
    return job | {
        "status": "completed",
        "results": {"a": 1},
        "results_file": {"file_id": "file-y", "size": 9},
        "files": [file],
        "usage": {"tokens": 1},
        **times(now, "completed_at"),
        "expires_at": now + timedelta(days=3),
        "notify": {"seq": 3, "run": 1, "phase": "completed", "due_at": now},
    }


def waiting_delivery(now: datetime, url: str) -> Document:
    """Return a delivery that waits for its second attempt."""
    origin = url.rsplit("/", 1)[0]
    return {
        "_id": "msg_sample",
        "job_id": "job-gone",
        "owner": "key-odd",
        "seq": 1,
        "run": 1,
        "phase": "completed",
        "url": url,
        "origin": origin,
        "body": b"{}",
        "state": "pending",
        **times(now, "created_at", "next_attempt_at", "resent_at"),
        "is_retry": True,
        "tries": 1,
        "attempts": [{"at": now, "status_code": 500, "duration_ms": 3}],
        "reason": "r",
    }


def endpoint_delivery(now: datetime, url: str) -> Document:
    """Return a delivery to an endpoint."""
    sent_to = {"endpoint_id": "ep-good", "job_id": "job-gone_ep-good"}
    return waiting_delivery(now, url) | sent_to


def endpoint(now: datetime, url: str) -> Document:
    """Return an endpoint of which the secret has been rotated."""
    return {
        "_id": "ep-good",
        "owner": "key-odd",
        "url": url,
        "events": ["processing", "completed", "failed", "cancelled"],
        "job_types": ["nap"],
        "tags": ["a"],
        "enabled": True,
        **times(now, "older_until", "created_at", "updated_at"),
    }


def sent_delivery(now: datetime, url: str) -> Document:
    """Return a delivery whose notifier has died."""
    lease = {"owner": "n1", "token": "t1", "expires_at": now - timedelta(seconds=5)}
    return waiting_delivery(now, url) | {"state": "sending", "lease": lease}


def others(now: datetime) -> dict[str, Document]:
    """Return a sample document of each other collection."""
    later = now + timedelta(hours=1)
    file = {"kind": "file", "owner": "key-odd", "name": "a", "created_at": now, "job_id": "job-x"}
    return {
        "job_types": {"_id": "t", "schema": '{"type": "object"}', "paused": False},
        "templates": {
            "_id": "t",
            "languages": ["en"],
            "fields": [{"name": "a", "type": "text", "description": "d"}],
        },
        "api_keys": {
            "_id": "k",
            "digest": "d",
            "name": "n",
            "scopes": ["admin"],
            "created_at": now,
            "expires_at": later,
            "last_used_at": now,
        },
        "audit": {
            "_id": "audit-1",
            "created_at": now,
            "key_id": "k",
            "action": "key.create",
            "target": "t",
            "details": {"a": 1},
        },
        "workers": {
            "_id": "w",
            "host": "h",
            "pid": 1,
            "started_at": now,
            "seen_at": now,
            "alive_until": later,
            "job_types": ["nap"],
            "slots": 1,
            "running": [{"job_id": "j", "owner": "o"}],
            "active": True,
            "listening": True,
        },
        "notifiers": {
            "_id": "n",
            "seen_at": now,
            "pid": 1,
            "receivers": [{"origin": "https://x.org:443", "failures": 1, "last_at": now}],
        },
        "batches": {"_id": "b", "owner": "key-odd", "job_ids": ["j"], "created_at": now},
        "files": {"_id": "f", **file, "attempt": 1, "check_at": now - timedelta(days=1)},
        "fs.files": {
            "_id": "f",
            "filename": "a",
            "uploadDate": now,
            "length": 1,
            "metadata": {"kind": "upload", "owner": "key-odd", "sha256": "x"},
        },
        "cache": {"_id": "c", "used_at": now, "size": 9, "data": b"{}"},
        "locks": {"_id": "l", "owner": "o", "expires_at": now},
        "job_logs": {
            "_id": "job-x:1:0",
            "job_id": "job-x",
            "position": 2**32,
            "timestamp": now,
            "level": "info",
            "message": "m",
            "attempt": 1,
            "seq": 0,
        },
        "muted_urls": {"_id": "m", "until": later},
        "endpoints": endpoint(now, "https://example.com/")
        | {"secret": "x", "older_secret": "y", "headers": {"X-Key": "z"}},
    }
