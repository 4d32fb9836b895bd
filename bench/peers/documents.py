"""The job's document in MongoDB, and what a peer's worker changes in it."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

MONGO_URL = os.environ.get("BENCH_MONGO_URL", "")
AMQP_URL = os.environ.get("BENCH_AMQP_URL", "")
DATABASE = "bench"
OPTIONS: dict[str, Any] = {"w": "majority", "journal": True, "tz_aware": True}

Document = dict[str, Any]


class NewJob(BaseModel):
    """The body of a request that submits a job."""

    job_type: str
    parameters: dict[str, Any] = {}


def new_document(job: NewJob) -> Document:
    """Return the document of a job that waits."""
    now = datetime.now(UTC)
    return {
        "_id": f"job-{uuid.uuid4()}",
        "job_type": job.job_type,
        "parameters": job.parameters,
        "status": "pending",
        "created_at": now,
        "updated_at": now,
    }


def waiting(job_id: str) -> Document:
    """Return the query that a claim needs."""
    return {"_id": job_id, "status": "pending"}


def claimed(job_id: str) -> Document:
    """Return the query that a later write of the task needs."""
    return {"_id": job_id, "status": "processing"}


def claim() -> Document:
    """Return the update that claims a job."""
    now = datetime.now(UTC)
    return {"$set": {"status": "processing", "started_at": now, "updated_at": now}}


def progress() -> Document:
    """Return the update that stores the progress."""
    moved = {"step": "working", "percent": 50}
    return {"$set": {"progress": moved, "updated_at": datetime.now(UTC)}}


def completed(job: Document) -> Document:
    """Return the update that stores the result."""
    now = datetime.now(UTC)
    result = {"answer": job["parameters"].get("text", "")}
    end = {"status": "completed", "result": result, "completed_at": now, "updated_at": now}
    return {"$set": end}


def wait_sec(job: Document) -> float:
    """Return how long the task waits between progress and result."""
    return float(job["parameters"].get("wait_ms", 0)) / 1000
