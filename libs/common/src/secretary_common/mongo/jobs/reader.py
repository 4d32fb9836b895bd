"""Reads jobs, and sets aside those that this version cannot read.

A read sets an unreadable job aside by one raw write. The write expects the fields as they were
read. While a worker holds the job, the job is only shown: its worker may still end it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo.errors import PyMongoError

from secretary_common.jobs import set_aside
from secretary_common.models import Job, JobStatus
from secretary_common.mongo.driver.collection import Collection, Document, Update
from secretary_common.mongo.jobs.document import ODD_STATUS, PENDING, PROCESSING, update_of
from secretary_common.mongo.stored.fault import Fault
from secretary_common.mongo.stored.reader import Reader, Reading, as_read
from secretary_common.mongo.stored.shape import EARLIEST, LATEST
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

JOBS: Reader[Job] = Reader(
    "jobs",
    Job,
    id_field="job_id",
    always=("status", "priority", "max_attempts"),
    words={"status": JobStatus.PROCESSING},
)
BRIEF = ("parameters", "results")
_EXPECTED = ("status", "lease", "seq", "updated_at", "run")
"""The fields that show whether a job has changed since it was read."""

_NO_TEXT: Document = {"$not": {"$gte": ""}}
_NO_DATE: Document = {"$not": {"$gte": EARLIEST}}
_ANY_TEXT: Document = {"$gte": ""}
_PRIORITIES = list(range(10))
_STATUSES = [status.value for status in JobStatus]
# Jobs that other queries miss, because a field has a type that they do not match. An index answers
# each of these queries; in a healthy database it reads nothing.
_HIDDEN: Sequence[tuple[Document, str]] = (
    ({**ODD_STATUS, "status": {"$nin": _STATUSES}}, "odd_status"),
    ({"status": PENDING, "job_type": _NO_TEXT}, "waiting_by_run_at"),
    ({"status": PENDING, "job_type": _ANY_TEXT, "run_at": _NO_DATE}, "waiting_by_run_at"),
    ({"status": PENDING, "job_type": _ANY_TEXT, "run_at": {"$gte": LATEST}}, "waiting_by_run_at"),
    (
        {"status": PENDING, "job_type": _ANY_TEXT, "priority": {"$nin": _PRIORITIES}},
        "waiting_by_order",
    ),
    (
        {
            "status": PENDING,
            "job_type": _ANY_TEXT,
            "priority": {"$in": _PRIORITIES},
            "owner": _NO_TEXT,
        },
        "waiting_by_order",
    ),
    ({"status": PROCESSING, "job_type": _NO_TEXT}, "running"),
    ({"status": PROCESSING, "lease.expires_at": _NO_DATE}, "running"),
    ({"status": PROCESSING, "lease.expires_at": {"$gte": LATEST}}, "running"),
    ({"notify.due_at": {"$exists": True, **_NO_DATE}}, "slots_by_due_at"),
    ({"expires_at": {"$exists": True, **_NO_DATE}}, "by_expiry"),
)


class JobReader:
    """Reads the jobs of one collection."""

    def __init__(self, collection: Collection, clock: Clock, retention: timedelta) -> None:
        """*retention*: how long a job that is set aside is kept."""
        self._jobs = collection
        self._clock = clock
        self._retention = retention

    async def show(self, found: Iterable[Document], *, left_out: Names[str] = ()) -> list[Job]:
        """Return jobs for a client: unreadable jobs as they are set aside, newer jobs unchanged."""
        shown = []
        for document, reading in self._read(found, left_out):
            if reading.is_unreadable:
                shown.append(await self._set_aside(document, reading))
            else:
                shown.append(reading.value or self._newer(document, reading))
        return shown

    async def one(self, found: Document | None, *, left_out: Names[str] = ()) -> Job | None:
        """Return one job as ``show`` does; None for None."""
        shown = await self.show([found], left_out=left_out) if found else []
        return shown[0] if shown else None

    async def usable(self, found: Iterable[Document], *, left_out: Names[str] = ()) -> list[Job]:
        """Return the jobs that this version may work on; set unreadable ones aside."""
        usable = []
        for document, reading in self._read(found, left_out):
            if reading.is_unreadable:
                await self._set_aside(document, reading)
            elif reading.value is not None and not reading.newer:
                usable.append(reading.value)
        return usable

    async def claimed(self, document: Document) -> Job | None:
        """Return a job that this worker has just claimed; an unreadable one is set aside."""
        [(_, reading)] = self._read([document], ())
        if reading.is_unreadable:
            await self._set_aside(document, reading, ours=True)
        elif reading.value and not reading.newer:
            await self._without_null_slot(document)
            return reading.value
        return None

    async def _without_null_slot(self, document: Document) -> None:
        """Remove an outbox slot that is null, because a progress write cannot set its fields."""
        if "notify" in document and document["notify"] is None:
            query = {"_id": document["_id"], "notify": None}
            await self._jobs.update_one(query, {"$unset": {"notify": ""}})

    async def examine_id(self, job_id: object) -> None:
        """Read all fields of a job, after a read of some fields found it unreadable."""
        if found := await self._jobs.find_one({"_id": {"$eq": job_id}}):
            await self.usable([found])

    async def examine(self, document: Document) -> Reading[Job]:
        """Read a job that a claim did not find; set the job aside if it is unreadable."""
        [(_, reading)] = self._read([document], ())
        if reading.is_unreadable:
            await self._set_aside(document, reading)
        return reading

    async def set_aside_hidden(self, limit: int) -> int:
        """Set aside jobs that the services' queries cannot find; return the number found."""
        parts = await asyncio.gather(
            *(
                self._jobs.find(
                    query, projection=dict.fromkeys(BRIEF, False), limit=limit, hint=hint
                )
                for query, hint in _HIDDEN
            )
        )
        hidden = {str(document["_id"]): document for part in parts for document in part}
        usable = await self.usable(hidden.values(), left_out=BRIEF)
        return len(hidden) - len(usable)

    def _read(
        self, found: Iterable[Document], left_out: Names[str]
    ) -> Iterable[tuple[Document, Reading[Job]]]:
        for document in found:
            reading = JOBS.read(document, left_out=left_out)
            job = reading.value
            if job and job.status is JobStatus.PROCESSING and job.lease is None:
                reading = Reading(None, reading.values, (Fault(("lease",), "is missing"),))
            JOBS.note(document, reading)
            yield document, reading

    def _newer(self, document: Document, reading: Reading[Job]) -> Job:
        """Return a job of a newer version, with substitutes for its unreadable fields."""
        job = set_aside.partial_job(
            str(document.get("_id")), _without_id(reading.values), self._clock.now()
        )
        return job.model_copy(update={"newer": str(reading.newer)})

    async def _set_aside(
        self, document: Document, reading: Reading[Job], *, ours: bool = False
    ) -> Job:
        """Set the job aside unless another worker holds it; return the job after that."""
        now = self._clock.now()
        job = set_aside.partial_job(str(document.get("_id")), _without_id(reading.values), now)
        odd = {fault.top for fault in reading.faults} - {"job_id"}
        if job.unreadable and not odd:  # an ``_id`` cannot be changed
            return job
        if not ours and not set_aside.may_be_set_aside(job, now):
            return job
        change = set_aside.set_aside(
            job,
            document,
            odd,
            "; ".join(map(str, reading.faults))[:1000],
            now=now,
            expires_at=now + self._retention,
        )
        await self._write((as_read(document, (*_EXPECTED, *odd)), update_of(change)))
        fields = {**job.model_dump(), **change.put}
        return Job.model_validate(
            {name: value for name, value in fields.items() if name not in change.drop}
        )

    async def _write(self, update: Update) -> None:
        try:
            matched = await self._jobs.update_one(*update)
        except PyMongoError as error:  # MongoDB refuses this document; the others go on
            log.warning("document.not_set_aside", id=str(update[0]["_id"]), reason=str(error)[:300])
        else:
            if matched:
                log.warning("job.set_aside", id=str(update[0]["_id"]["$eq"])[:200])


def _without_id(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "job_id"}
