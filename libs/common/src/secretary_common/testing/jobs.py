"""The in-memory twin of the job repository and of the doorbell."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from secretary_common import move
from secretary_common.errors import StaleClaim
from secretary_common.models import (
    Candidate,
    Job,
    JobQuery,
    Lease,
    NotifySlot,
    Outcome,
    ProgressChange,
    Renewal,
    Settlement,
)
from secretary_common.states import JobStatus


class InMemoryJobRepository:
    """Keeps jobs in a dictionary (``ports.JobRepository``)."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    async def insert(self, job: Job) -> None:
        """Keep *job*."""
        self.jobs[job.job_id] = job

    async def get(self, job_id: str) -> Job | None:
        """The job, unless it is unknown or deleted."""
        job = self.jobs.get(job_id)
        return job if job and job.deleted_at is None else None

    async def find(self, query: JobQuery) -> list[Job]:
        """At most ``query.limit`` jobs, newest first, without parameters and results."""
        order = sorted(self.jobs.values(), key=lambda j: (j.created_at, j.job_id), reverse=True)
        found = [job for job in order if _listed(job, query)][: query.limit]
        return [job.model_copy(update={"parameters": {}, "results": None}) for job in found]

    async def candidates(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Candidate]:
        """Jobs of these types that may start now: by priority, then by ``run_at``."""
        due = [job for job in self._waiting(job_types) if job.run_at <= now]
        due.sort(key=lambda job: (-job.priority, job.run_at))
        return [
            Candidate(job.job_id, job.job_type, job.priority, job.owner, job.run_at)
            for job in due[:limit]
        ]

    async def next_run_at(self, job_types: Collection[str], now: datetime) -> datetime | None:
        """When the earliest of the jobs not yet due is due."""
        later = (job.run_at for job in self._waiting(job_types) if job.run_at > now)
        return min(later, default=None)

    async def claim(
        self, job_id: str, lease: Lease, now: datetime, job_types: Collection[str]
    ) -> Job | None:
        """Take a waiting, due job."""
        job = next((job for job in self._waiting(job_types) if job.job_id == job_id), None)
        if job is None or job.run_at > now:
            return None
        return self._apply(job, move.claimed(lease, now))

    async def held(self, job_id: str, token: str) -> Job | None:
        """The job if it stands under the lease *token*."""
        job = self.jobs.get(job_id)
        return job if job and job.lease and job.lease.token == token else None

    async def ended_leases(
        self, job_types: Collection[str], now: datetime, limit: int
    ) -> list[Job]:
        """Running jobs whose lease has ended, the longest ended first."""
        ended = [
            job
            for job in self.jobs.values()
            if _lease_end(job) <= now.timestamp()
            and (job.job_type in job_types or job.cancel_requested or job.is_spent)
        ]
        return sorted(ended, key=_lease_end)[:limit]

    async def reclaim(self, job: Job, lease: Lease, now: datetime) -> Job | None:
        """Take over *job*, whose lease has ended; None if it moved on or is cancelled."""
        current = self.jobs.get(job.job_id)
        same = current and current.lease and job.lease and current.lease.token == job.lease.token
        if not current or not same or not _may_start(current):
            return None
        if _lease_end(current) > now.timestamp():
            return None
        return self._apply(current, move.claimed(lease, now))

    async def renew(
        self, owner: str, job_ids: Collection[str], expires_at: datetime
    ) -> dict[str, Renewal]:
        """Extend the leases *owner* holds on these jobs; jobs not in the answer are lost."""
        renewed = {}
        for job_id in job_ids:
            job = self.jobs.get(job_id)
            if job and job.lease and job.lease.owner == owner:
                lease = job.lease.model_copy(update={"expires_at": expires_at})
                self.jobs[job_id] = job.model_copy(update={"lease": lease})
                renewed[job_id] = Renewal(lease.token, job.cancel_requested)
        return renewed

    async def record_progress(self, change: ProgressChange) -> datetime | None:
        """Write progress under the attempt's lease; returns the job's ``notified_at``."""
        job = await self.held(change.job_id, change.token)
        if job is None:
            raise StaleClaim
        job = self._apply(job, move.progressed(change))
        if slot := change.slot:
            due_at = min(slot.due_at, job.notify.due_at) if job.notify else slot.due_at
            self._put(job, notify=slot.model_copy(update={"due_at": due_at}))
        return job.notified_at

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        """End the attempt that holds *job* under *token*; safe to repeat."""
        current = self.jobs.get(job.job_id)
        if current and current.settled and current.settled.token == token:
            cancelled = current.settled.outcome == Outcome.CANCELLED
            return move.as_cancelled(settlement) if cancelled else settlement
        if not current or await self.held(job.job_id, token) is None:
            raise StaleClaim
        if ended and _lease_end(current) > settlement.at.timestamp():
            raise StaleClaim
        if move.gives_back(settlement) and current.cancel_requested:
            settlement = move.as_cancelled(settlement)
        self._apply(current, move.settled(job, token, settlement))
        return settlement

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        """Jobs whose outbox slot is due, the longest due first."""
        due = [(job.notify.due_at, job) for job in self.jobs.values() if job.notify]
        due.sort(key=lambda pair: pair[0])
        return [job for due_at, job in due if due_at <= now][:limit]

    async def next_slot_at(self, now: datetime) -> datetime | None:
        """When the earliest slot not yet due is due."""
        slots = [job.notify.due_at for job in self.jobs.values() if job.notify]
        return min((due_at for due_at in slots if due_at > now), default=None)

    async def clear_slot(self, job_id: str, seq: int, now: datetime) -> bool:
        """Empty the slot and set ``notified_at``, if it still holds the event *seq*."""
        job = self.jobs.get(job_id)
        if not job or not job.notify or job.notify.seq != seq:
            return False
        self._put(job, notify=None, notified_at=now)
        return True

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        """Move *slot* to *due_at*, if it still holds that event."""
        job = self.jobs.get(job_id)
        if not job or not job.notify or job.notify.seq != slot.seq:
            return False
        self._put(job, notify=slot.model_copy(update={"due_at": due_at}))
        return True

    def _waiting(self, job_types: Collection[str]) -> Iterable[Job]:
        return [
            job
            for job in self.jobs.values()
            if job.status is JobStatus.PENDING and job.job_type in job_types and _may_start(job)
        ]

    def _apply(self, job: Job, change: move.Change) -> Job:
        fields = job.model_dump()
        fields |= change.put
        for name in change.drop:
            fields.pop(name, None)
        for name, by in change.raised.items():
            fields[name] += by
        self.jobs[job.job_id] = Job.model_validate(fields)
        return self.jobs[job.job_id]

    def _put(self, job: Job, **fields: Any) -> None:
        self.jobs[job.job_id] = job.model_copy(update=fields)


def _may_start(job: Job) -> bool:
    return not job.cancel_requested and job.deleted_at is None


def _lease_end(job: Job) -> float:
    return job.lease.expires_at.timestamp() if job.lease else float("inf")


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
    deliveries: list[str] = field(default_factory=list)

    async def ring_job(self, job_type: str, job_id: str) -> bool:
        """Remember (job_type, job_id)."""
        self.jobs.append((job_type, job_id))
        return self.answers

    async def ring_delivery(self, delivery_id: str) -> bool:
        """Remember the delivery id."""
        self.deliveries.append(delivery_id)
        return self.answers
