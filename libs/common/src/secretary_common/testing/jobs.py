"""The in-memory twin of the job repository and of the doorbell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secretary_common.errors import KeyInUse
from secretary_common.models import Job, JobQuery, NotifySlot
from secretary_common.testing.job_actions import InMemoryJobActionWrites
from secretary_common.testing.job_candidates import InMemoryJobCandidates
from secretary_common.testing.job_claims import InMemoryJobClaims


class InMemoryJobRepository(InMemoryJobClaims, InMemoryJobActionWrites, InMemoryJobCandidates):
    """Keeps jobs in a dictionary (``ports.JobRepository``)."""

    async def insert(self, job: Job) -> None:
        """Keep *job*."""
        if job.idempotency and await self.find_by_key(job.owner, job.idempotency.key):
            raise KeyInUse
        self.jobs[job.job_id] = job

    async def find_by_key(self, owner: str, key: str) -> Job | None:
        """The job under an idempotency key; a deleted one has none."""
        return next(
            (
                job
                for job in self.jobs.values()
                if job.owner == owner and job.idempotency and job.idempotency.key == key
            ),
            None,
        )

    async def release_key(self, job: Job) -> None:
        """Free the idempotency key of *job*, if it is still the one it was read with."""
        current = self.jobs.get(job.job_id)
        if current and current.idempotency == job.idempotency:
            self.put(current, idempotency=None)

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        job = self.jobs.get(job_id)
        return job if job and job.deleted_at is None else None

    async def summaries(self, job_ids: Collection[str]) -> list[Job]:
        """Those of these jobs that are there and not deleted, without parameters and results."""
        found = (self.jobs[job_id] for job_id in job_ids if job_id in self.jobs)
        return [_brief(job) for job in found if job.deleted_at is None]

    async def deleted_among(self, job_ids: Collection[str]) -> set[str]:
        """Those of these jobs that clients deleted and that are not removed yet."""
        return {id_ for id_ in job_ids if (job := self.jobs.get(id_)) and job.deleted_at}

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        order = sorted(self.jobs.values(), key=lambda j: (j.created_at, j.job_id), reverse=True)
        found = [job for job in order if _listed(job, query)][: query.limit]
        return [_brief(job) for job in found]

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Jobs whose outbox slot is due, the longest due first, without their parameters."""
        due = [(job.notify.due_at, job) for job in self.jobs.values() if job.notify]
        due.sort(key=lambda pair: pair[0])
        return [_told(job) for due_at, job in due if due_at <= now][:limit]

    async def slots_of(self, job_ids: Collection[str]) -> list[Job]:
        """Those of these jobs whose slot holds an event, due or not; without their parameters."""
        found = (self.jobs.get(job_id) for job_id in sorted(job_ids))
        return [_told(job) for job in found if job and job.notify]

    async def next_slot_at(self, now: datetime) -> datetime | None:
        """When the earliest slot not yet due is due."""
        slots = [job.notify.due_at for job in self.jobs.values() if job.notify]
        return min((due_at for due_at in slots if due_at > now), default=None)

    async def clear_slot(self, job_id: str, seq: int, now: datetime) -> bool:
        """Empty the slot and set ``notified_at``, if it still holds the event *seq*."""
        job = self.jobs.get(job_id)
        if not job or not job.notify or job.notify.seq != seq:
            return False
        self.put(job, notify=None, notified_at=now)
        return True

    async def clear_slots(self, events: Sequence[tuple[str, int]], now: datetime) -> set[str]:
        """``clear_slot`` for many (job_id, seq); returns the jobs that hold another event now."""
        for job_id, seq in events:
            await self.clear_slot(job_id, seq, now)
        return {job.job_id for job in await self.slots_of([job_id for job_id, _ in events])}

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        """Move *slot* to *due_at*, if it still holds that event."""
        job = self.jobs.get(job_id)
        if not job or not job.notify or job.notify.seq != slot.seq:
            return False
        self.put(job, notify=slot.model_copy(update={"due_at": due_at}))
        return True


def _told(job: Job) -> Job:
    return job.model_copy(update={"parameters": {}})


def _brief(job: Job) -> Job:
    return job.model_copy(update={"parameters": {}, "results": None})


def _listed(job: Job, query: JobQuery) -> bool:
    pairs = [
        (query.owner, job.owner),
        (query.status, job.status),
        (query.job_type, job.job_type),
        (query.batch_id, job.batch_id),
        (query.user_id, job.user_id),
        (query.tag, query.tag if query.tag in job.tags else object()),
    ]
    return (
        job.deleted_at is None
        and all(wanted in (None, actual) for wanted, actual in pairs)
        and (not query.created_after or job.created_at >= query.created_after)
        and (not query.created_before or job.created_at < query.created_before)
        and (not query.after or (job.created_at, job.job_id) < query.after)
    )


@dataclass
class RecordingDoorbell:
    """Remembers what was rung (``ports.Doorbell``)."""

    answers: bool = True
    """What ringing returns: False stands for a broker that does not confirm."""
    jobs: list[tuple[str, str]] = field(default_factory=list)
    deliveries: list[tuple[str, int]] = field(default_factory=list)

    async def ring_job(self, job_type: str, job_id: str) -> bool:
        """Remember (job_type, job_id)."""
        self.jobs.append((job_type, job_id))
        return self.answers

    async def ring_delivery(self, job_id: str, seq: int) -> bool:
        """Remember (job_id, seq)."""
        self.deliveries.append((job_id, seq))
        return self.answers
