"""Documents of as many jobs as wanted: most have ended, one of forty waits, a few run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from secretary_common.models import JobStatus

TYPES = ("pdf", "session", "transformer", "rare")
BATCH = 100
RUNNING = 64
CHUNK = 20_000


def documents(now: datetime) -> Iterator[dict[str, Any]]:
    """Yield jobs from the newest to the oldest, with few waiting and running ones in between."""
    dice = random.Random(1)  # noqa: S311 - no secret: a seed gives each run the same jobs
    number = 0
    while True:
        yield _document(number, now - timedelta(seconds=number * 2), now, dice)
        number += 1


def fill(jobs: Collection[dict[str, Any]], found: Iterator[dict[str, Any]], count: int) -> None:
    """Insert *count* documents without indexes; the caller builds the indexes afterwards."""
    jobs = jobs.with_options(write_concern=WriteConcern(w=1, j=False))
    if count > CHUNK:
        jobs.drop_indexes()
    while count > 0:
        chunk = list(islice(found, min(CHUNK, count)))
        jobs.insert_many(chunk, ordered=False)
        count -= len(chunk)


def _document(number: int, at: datetime, now: datetime, dice: random.Random) -> dict[str, Any]:
    status = _status(number, dice)
    document: dict[str, Any] = {
        "_id": f"job-{number:09}",
        "job_type": "rare" if number % 5000 == 0 else TYPES[min(int(dice.expovariate(1.5)), 2)],
        "status": status.value,
        "parameters": {"filename": f"/files/{number}.pdf", "extraction_method": "text"},
        "priority": 5 if number % 10 else 8,
        # Keys differ in how much they submit, as clients do.
        "owner": f"key-{min(int(dice.expovariate(0.3)), 30)}",
        "run": 1,
        "run_at": at if number % 50 else now + timedelta(hours=1 + number % 48),
        "attempt": 1,
        "forgiven": 0,
        "max_attempts": 3,
        "created_at": at,
        "updated_at": at,
        "seq": 3,
    }
    document |= {"user_id": f"user-{number % 3000}"} if number % 2 else {}
    document |= {"tags": [f"tag-{number % 200}"]} if number % 10 == 0 else {}
    document |= {"batch_id": f"batch-{number // BATCH}"} if number // BATCH % 10 == 0 else {}
    if number % 20 == 0:
        document["parameters"] = {"file_id": f"file-{number}"}
        document["idempotency"] = {"key": f"k-{number}", "body_hmac": "x", "at": at}
    if status is JobStatus.PROCESSING:
        lease = {"owner": "worker-1", "token": f"t-{number}", "expires_at": now}
        return {**document, "lease": lease, "processing_started_at": at}
    if status is JobStatus.PENDING:
        return document
    ended = {"completed_at": at, "expires_at": at + timedelta(days=30), "results": {"text": "x"}}
    slot = {"seq": 3, "run": 1, "phase": status.value, "due_at": now}
    return document | ended | ({"notify": slot} if number % 1000 == 1 else {})


def _status(number: int, dice: random.Random) -> JobStatus:
    if number % 100 == 1 and number < RUNNING * 100:
        return JobStatus.PROCESSING
    if number % 40 == 0:
        return JobStatus.PENDING
    ends = [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED]
    [end] = dice.choices(ends, weights=[970, 25, 5])
    return end
