"""Jobs as MongoDB documents, and the conditions that several queries share."""

from __future__ import annotations

from collections.abc import Collection as Names

from secretary_common.jobs import transition
from secretary_common.jobs.storable import refusal
from secretary_common.models import MOST_ATTEMPTS, POISON_AFTER, Job
from secretary_common.models.states import JobStatus, Phase
from secretary_common.mongo.driver.collection import Document
from secretary_common.mongo.driver.fault import encoded
from secretary_common.mongo.stored.reader import newer_word

LARGEST_PARAMETERS_BYTES = 12 * 2**20
"""A document has 16 MiB; results, error, progress and the list of files need at most 4."""

PENDING, PROCESSING = JobStatus.PENDING.value, JobStatus.PROCESSING.value
# Two conditions, because no type stands for a missing field.
ODD_STATUS: Document = {
    "$or": [
        {"status": None},
        {
            "status": {
                "$type": [
                    *("bool", "int", "long", "double", "decimal", "date", "object", "objectId"),
                    *("binData", "timestamp", "regex", "javascript", "minKey", "maxKey", "array"),
                ]
            }
        },
    ]
}
"""Matches jobs whose status is missing or no text, in a form that partial indexes support."""
MAY_START: Document = {"cancel_requested": {"$ne": True}, "deleted_at": None}
POISON = f"worker_failures.{POISON_AFTER - 1}"
"""A field that exists if the job is poison."""
LEASE_ENDED: Document = {"$expr": {"$lte": ["$lease.expires_at", "$$NOW"]}}
"""By MongoDB's own clock. If that was set back, a process whose clock is not synchronised since
would take the leases of running jobs for ended ones."""
JOB_PHASES = [phase.value for phase in Phase if phase.has_job]
NOT_NEWER: Document = {"$nor": [newer_word("notify.phase", JOB_PHASES)]}
"""Excludes jobs whose event only a newer version knows; this version leaves them alone."""


def waiting(job_types: Names[str]) -> Document:
    """Match waiting jobs of these types, due or not."""
    return {"status": PENDING, "job_type": {"$in": sorted(job_types)}, **MAY_START}


def held(job_id: str, token: str) -> Document:
    """Match the job while it has the lease *token*."""
    return {"_id": job_id, "status": PROCESSING, "lease.token": token}


def key_query(owner: str, key: str) -> Document:
    """Match the document under an idempotency key."""
    return {"owner": owner, "idempotency.key": key}


def update_of(change: transition.Change) -> Document:
    """Return *change* as a MongoDB update; no value in it is evaluated."""
    parts = {
        "$set": change.put,
        "$unset": dict.fromkeys(change.drop, ""),
        "$inc": change.raised,
        "$push": _pushed(change),
    }
    return {operator: fields for operator, fields in parts.items() if fields}


def _pushed(change: transition.Change) -> Document:
    if change.ended is None:
        return {}
    record = change.ended.model_dump(exclude_defaults=True)
    return {"attempts": {"$each": [record], "$slice": -MOST_ATTEMPTS}}


def to_document(job: Job) -> Document:
    """Return the document of *job*; empty fields are absent, so partial indexes leave them out."""
    document = job.model_dump(exclude_none=True)
    for name in ("tags", "attempts"):
        if not document[name]:
            del document[name]
    return {"_id": document.pop("job_id"), **document}


def check_room(job: Job) -> None:
    """Check that a new job leaves room for the fields that the engine will write.

    Raises:
        NotStorable: the parameters are too large.
    """
    if len(encoded({"parameters": job.parameters})) > LARGEST_PARAMETERS_BYTES:
        raise refusal("parameters", "are larger than a job can hold (12 MB)")
