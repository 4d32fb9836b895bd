"""The webhook outbox of jobs, in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from secretary_common.models import Job, NotifySlot
from secretary_common.testing.jobs.memory import JobMemory


class InMemoryJobOutbox(JobMemory):
    """The part for the outbox (``ports.JobOutbox``)."""

    async def due_slots(self, now: datetime, limit: int) -> list[Job]:
        due = [(job.notify.due_at, job) for job in self.jobs.values() if job.notify]
        due.sort(key=lambda pair: pair[0])
        return [_without_parameters(job) for due_at, job in due if due_at <= now][:limit]

    async def slots_of(self, job_ids: Collection[str]) -> list[Job]:
        found = (self.jobs.get(job_id) for job_id in sorted(job_ids))
        return [_without_parameters(job) for job in found if job and job.notify]

    async def next_slot_at(self, now: datetime) -> datetime | None:
        slots = [job.notify.due_at for job in self.jobs.values() if job.notify]
        return min((due_at for due_at in slots if due_at > now), default=None)

    async def clear_slots(self, events: Sequence[tuple[str, int]], now: datetime) -> set[str]:
        for job_id, seq in events:
            job = self.jobs.get(job_id)
            if job and job.notify and job.notify.seq == seq:
                self.put(job, notify=None, notified_at=now)
        return {job.job_id for job in await self.slots_of([job_id for job_id, _ in events])}

    async def postpone_slot(self, job_id: str, slot: NotifySlot, due_at: datetime) -> bool:
        job = self.jobs.get(job_id)
        if not job or not job.notify or job.notify.seq != slot.seq:
            return False
        self.put(job, notify=slot.model_copy(update={"due_at": due_at}))
        return True


def _without_parameters(job: Job) -> Job:
    return job.model_copy(update={"parameters": {}, "attempts": []})
