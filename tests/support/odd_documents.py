"""Documents that this version did not write: each field missing, of each other type, or unknown."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Binary, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

Document = dict[str, Any]

MISSING = object()
OF_EACH_TYPE: Mapping[str, Any] = {
    "missing": MISSING,
    "null": None,
    "string": "odd",
    "number as text": "1",
    "int": 7,
    "negative": -1,
    "large": Int64(2**62),
    "double": 2.5,
    "NaN": math.nan,
    "bool": True,
    "array": [1],
    "array of texts": ["odd"],
    "object": {"a": 1},
    "date": datetime(2026, 1, 1, tzinfo=UTC),
    "far date": DatetimeMS(10**15),
    "early date": DatetimeMS(-(10**15)),
    "binary": Binary(b"\xff\x00"),
    "objectId": ObjectId(b"odd document"),
}


@dataclass(frozen=True)
class Odd:
    """One odd document."""

    field: str
    """The path of the changed field."""
    kind: str
    """A key of ``OF_EACH_TYPE``, or ``unknown field``."""
    document: Document

    @property
    def id(self) -> Any:
        """The ``_id`` of the document."""
        return self.document.get("_id")


def odd_documents(sample: Document, name: str, *, also_id: bool = True) -> Iterator[Odd]:
    """Yield *sample* with each of its fields changed in each way; ids begin with *name*."""
    number = 0
    for path in _paths(sample):
        if path == ("_id",) and not also_id:
            continue
        for kind, value in OF_EACH_TYPE.items():
            odd = _changed(sample, path, value)
            number += 1
            if path != ("_id",):
                odd["_id"] = f"{name}-{number:04}"
            elif kind.startswith("array") or value is MISSING:
                continue  # MongoDB refuses these
            yield Odd(".".join(map(str, path)), kind, _with_own_key(odd))
    for path in [(), *_paths(sample)]:
        inner = _at(sample, path)
        if isinstance(inner, dict):
            number += 1
            odd = _changed(sample, (*path, "of_the_next_version"), {"n": [1]})
            odd["_id"] = f"{name}-{number:04}"
            yield Odd(".".join(map(str, path)), "unknown field", _with_own_key(odd))


def _paths(document: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each field, but not inside values that the client or a handler chose."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in items:
        path = (*before, name)
        yield path
        if isinstance(value, dict | list) and name not in ("parameters", "results", "usage"):
            yield from _paths(value, path)


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        document = document[name]
    return document


def _changed(sample: Document, path: tuple[Any, ...], value: Any) -> Document:
    changed = copy.deepcopy(sample)
    inner = _at(changed, path[:-1])
    if value is not MISSING:
        inner[path[-1]] = copy.copy(value)
    elif isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner.clear()
    return changed


def _with_own_key(document: Document) -> Document:
    """Give the document a key of its own, if its idempotency key can be read."""
    mark = document.get("idempotency")
    if isinstance(mark, dict) and mark.get("key") == "sample":
        mark["key"] = str(document["_id"])
    return document


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
