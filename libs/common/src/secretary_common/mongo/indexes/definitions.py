"""Every index of every collection. Each query of the repositories has an index that serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from secretary_common.models import FileKind
from secretary_common.models.states import TERMINAL, DeliveryState, JobStatus
from secretary_common.mongo.jobs.candidates import BY_ORDER, BY_RUN_AT, MAY_START
from secretary_common.mongo.jobs.document import ODD_STATUS

AUDIT_KEPT_SEC = 90 * 24 * 3600
WORKER_REPORT_KEPT_SEC = 24 * 3600
NOTIFIER_REPORT_KEPT_SEC = 3600


def _index(name: str, *fields: str, only: Mapping[str, Any] | None = None) -> IndexModel:
    """Return an index on *fields*; ``-`` means descending, *only* makes a partial index."""
    return IndexModel(_keys(fields), name=name, **_partial(only))


def _unique(name: str, *fields: str, only: Mapping[str, Any] | None = None) -> IndexModel:
    return IndexModel(_keys(fields), name=name, unique=True, **_partial(only))


def _newest(name: str, *fields: str, only: Mapping[str, Any] | None = None) -> IndexModel:
    """Return an index for a listing by *fields*, newest first."""
    return _index(name, *fields, "-created_at", "-_id", only=only)


def _keys(fields: Sequence[str]) -> list[tuple[str, int]]:
    return [
        (field.removeprefix("-"), DESCENDING if field.startswith("-") else ASCENDING)
        for field in fields
    ]


def _partial(only: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"partialFilterExpression": only} if only else {}


def _has(field: str) -> Mapping[str, Any]:
    return {field: {"$exists": True}}


_PENDING = {"status": JobStatus.PENDING.value}
_PROCESSING = {"status": JobStatus.PROCESSING.value}
_ENDED = {"status": {"$in": sorted(status.value for status in TERMINAL)}}

JOBS = (
    # All fields before run_at are compared for equality, so the jobs of an API key are stored by
    # age; a distinct query jumps from key to key.
    _index(
        BY_ORDER,
        *("status", "job_type", "-priority", "owner", "run_at", "_id", *MAY_START),
        only=_PENDING,
    ),
    _index(BY_RUN_AT, "status", "job_type", "run_at", *MAY_START, only=_PENDING),
    # For ended leases, and for counts: there are at most as many entries as slots of workers.
    _index("running", "status", "lease.expires_at", "job_type", "owner", only=_PROCESSING),
    _index("slots_by_due_at", "notify.due_at", only=_has("notify.due_at")),
    # For the listing of a batch, and for its counts: a batch has at most 1,000 entries.
    _index(
        "of_batch",
        *("batch_id", "-created_at", "-_id", "status", "deleted_at"),
        only=_has("batch_id"),
    ),
    _unique("one_per_idempotency_key", "owner", "idempotency.key", only=_has("idempotency.key")),
    # Listings, newest first: all jobs, the jobs of an owner, and either with one more filter.
    _newest("newest"),
    _newest("newest_of_owner", "owner"),
    # By state: an ended job has no entry in the indexes of live jobs, and a live job none in those
    # of ended jobs. The listing of running jobs uses ``running``.
    _index("newest_waiting", "status", "-created_at", "-_id", "owner", only=_PENDING),
    _newest("ended_by_status", "status", only=_ENDED),
    _newest("ended_of_owner_by_status", "owner", "status", only=_ENDED),
    _newest("newest_by_type", "job_type"),
    _newest("newest_by_tag", "tags", only=_has("tags")),
    _newest("newest_by_user", "user_id", only=_has("user_id")),
    # For the sweeper.
    _index("by_expiry", "expires_at", "_id", only=_has("expires_at")),
    _index("by_upload", "parameters.file_id", only=_has("parameters.file_id")),
    _index("odd_status", "status", only=ODD_STATUS),
)
BATCHES = (
    _unique("one_per_idempotency_key", "owner", "idempotency.key", only=_has("idempotency.key")),
    _index("by_age", "created_at", "_id"),
    _newest("newest_of_owner", "owner"),
)
FILES = (
    _index("by_check_at", "check_at"),
    _index("of_job", "job_id", only=_has("job_id")),
)
# For the uploads of an API key: MongoDB adds up their sizes and reads no document.
WHOLE_FILES = (
    _index(
        "uploads_of_owner",
        *("metadata.kind", "metadata.owner", "length"),
        only={"metadata.kind": FileKind.UPLOAD.value},
    ),
)
# GridFS's own index under its own name: a driver that writes files finds it and makes no other.
CHUNKS = (IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True),)
CACHE = (
    # It holds all fields that the sweeper asks for, so the sweeper reads no entry.
    _index("by_use", "-used_at", "-_id", "size", "file_id"),
    _index("by_file", "file_id", only=_has("file_id")),
)
DELIVERIES = (
    # This index keeps a promise: at most one attempt in flight for each job, over all notifiers.
    _unique("one_in_flight_per_job", "job_id", only={"state": DeliveryState.SENDING.value}),
    _index("of_job", "job_id", "-seq"),
    _index("waiting_of_job", "job_id", "-seq", only=_has("next_attempt_at")),
    # By origin first, so that finding a delivery never walks through another origin's backlog.
    _index(
        "waiting_by_lane", "is_retry", "origin", "next_attempt_at", only=_has("next_attempt_at")
    ),
    _index("by_expiry", "expires_at", only=_has("expires_at")),
    # Only for counting: MongoDB reads no document.
    _index("dead_by_phase", "state", "phase", "owner", only={"state": DeliveryState.DEAD.value}),
    _newest("newest"),
    _newest("newest_of_owner", "owner"),
    _newest("newest_by_state", "state"),
    _newest("newest_of_owner_by_state", "owner", "state"),
    _newest("newest_of_endpoint", "endpoint_id", only=_has("endpoint_id")),
)
ENDPOINTS = (_newest("newest"), _newest("newest_of_owner", "owner"))
# MongoDB itself removes old documents of these collections: they mean nothing any more.
MUTED_URLS = (IndexModel([("until", ASCENDING)], name="over", expireAfterSeconds=0),)
WORKERS = (
    IndexModel(
        [("alive_until", ASCENDING)], name="alive", expireAfterSeconds=WORKER_REPORT_KEPT_SEC
    ),
)
# Newest first; MongoDB itself removes old entries.
AUDIT = (
    IndexModel([("created_at", ASCENDING)], name="over", expireAfterSeconds=AUDIT_KEPT_SEC),
    _newest("newest"),
    _newest("newest_of_key", "key_id"),
)
NOTIFIERS = (
    IndexModel(
        [("seen_at", ASCENDING)], name="last_seen", expireAfterSeconds=NOTIFIER_REPORT_KEPT_SEC
    ),
)

EFFECT_IF_MISSING: Mapping[str, str] = {
    "one_per_idempotency_key": "a repeat under an Idempotency-Key is a new job",
    "one_in_flight_per_job": "two notifiers may send webhooks of one job at once",
}
"""The effect of a missing index, if its absence does more than slow down queries."""

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "jobs": JOBS,
    "audit": AUDIT,
    "batches": BATCHES,
    "job_logs": (_index("of_job_by_level", "job_id", "level", "position"),),
    "files": FILES,
    "fs.files": WHOLE_FILES,
    "fs.chunks": CHUNKS,
    "cache": CACHE,
    "deliveries": DELIVERIES,
    "endpoints": ENDPOINTS,
    "job_types": (_index("paused", "paused", only={"paused": True}),),
    "workers": WORKERS,
    "muted_urls": MUTED_URLS,
    "notifiers": NOTIFIERS,
}
"""Indexes by collection. An index whose keys or options change needs a new name."""

INDEX_VERSION = 2
"""Raised when an index is retired. Workers report it, so that init knows whose queries run."""

RETIRED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "jobs": {
        "running_by_lease": ["running"],
        "running_by_type": ["running"],
        "of_batch_by_status": ["of_batch"],
        "newest_of_batch": ["of_batch"],
        "newest_by_status": ["ended_by_status", "newest_waiting", "odd_status"],
        "newest_of_owner_by_status": ["ended_of_owner_by_status", "newest_waiting"],
    }
}
"""Indexes of earlier versions, by collection, each with the indexes that replace it."""
