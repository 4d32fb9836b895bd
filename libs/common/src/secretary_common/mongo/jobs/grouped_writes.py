"""Writes to jobs that callers at the same time share: one round trip, an answer for each.

Inserts, progress and ends of attempts come in crowds, and each waits for a majority and its
journal: in groups of 32 a server takes about three times as many. Claims are not among them: a
worker makes few at a time, and each must be told who won.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from secretary_common.errors import KeyInUse, StaleClaim
from secretary_common.jobs import transition
from secretary_common.models import Job, Outcome, ProgressChange, Settled, Settlement
from secretary_common.mongo.driver import Collection, Document, Update
from secretary_common.mongo.jobs.document import held, to_document, update_of
from secretary_common.runtime.group_commit import GroupCommit


class GroupedInserts:
    """Inserts jobs; one that cannot be stored is refused alone."""

    def __init__(self, jobs: Collection) -> None:
        self._jobs = jobs
        self._group: GroupCommit[Job, None] = GroupCommit(self._flush)

    async def insert(self, job: Job) -> None:
        """Store a new job durably.

        Raises:
            KeyInUse: the owner has a job under the same idempotency key.
            NotStorable: the document cannot be encoded.
        """
        await self._group.submit(job)

    async def _flush(self, jobs: list[Job]) -> list[BaseException | None]:
        errors = await self._jobs.insert_each([to_document(job) for job in jobs])
        return [
            KeyInUse() if isinstance(error := errors.get(n), DuplicateKeyError) else error
            for n in range(len(jobs))
        ]


class GroupedProgress:
    """Writes progress, each under its attempt's lease."""

    def __init__(self, jobs: Collection) -> None:
        self._jobs = jobs
        self._group: GroupCommit[ProgressChange, datetime | None] = GroupCommit(self._flush)

    async def record(self, change: ProgressChange) -> datetime | None:
        """Write *change*; returns the job's ``notified_at``.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        return await self._group.submit(change)

    async def _flush(self, changes: list[ProgressChange]) -> list[datetime | BaseException | None]:
        done = await self._jobs.update_each([_progress_update(change) for change in changes])
        ids = [change.job_id for change in changes]
        fields = ["lease.token", "notified_at"]
        found = await self._jobs.find({"_id": {"$in": ids}}, projection=fields)
        # Tokens never come back: who holds the lease now held it when the write was made.
        now = {(one["_id"], one.get("lease", {}).get("token")): one for one in found}
        return [
            done.errors.get(n) or _notified_at(now.get((change.job_id, change.token)))
            for n, change in enumerate(changes)
        ]


def _progress_update(change: ProgressChange) -> Update:
    update = update_of(transition.progressed(change))
    if slot := change.slot:
        put = slot.model_dump(exclude={"due_at"})
        update["$set"] |= {f"notify.{name}": value for name, value in put.items()}
        update["$min"] = {"notify.due_at": slot.due_at}  # an earlier one in the slot stays
    return held(change.job_id, change.token), update


def _notified_at(document: Document | None) -> datetime | BaseException | None:
    return StaleClaim() if document is None else document.get("notified_at")


@dataclass(frozen=True, slots=True)
class End:
    """An attempt that is to be ended."""

    job: Job
    token: str
    settlement: Settlement
    lease_ended: bool
    """Only if its lease ended before ``settlement.at``: its holder is gone."""

    def update(self) -> Update:
        """The write that ends it."""
        query = held(self.job.job_id, self.token)
        if self.lease_ended:
            query["lease.expires_at"] = {"$lte": self.settlement.at}
        if transition.gives_back(self.settlement):
            query["cancel_requested"] = {"$ne": True}
        return query, update_of(transition.settled(self.job, self.token, self.settlement))


class GroupedEnds:
    """Ends attempts; safe to repeat after a lost answer."""

    def __init__(self, jobs: Collection) -> None:
        self._jobs = jobs
        self._group: GroupCommit[End, Settlement] = GroupCommit(self._flush)

    async def settle(self, end: End) -> Settlement:
        """End an attempt; returns the settlement that was made.

        Raises:
            StaleClaim: the attempt no longer holds the job.
        """
        return await self._group.submit(end)

    async def _flush(self, ends: list[End]) -> Sequence[Settlement | BaseException]:
        outcomes = await self._write(ends)
        # Cancelled while it was being given back: the one miss that is no loss.
        missed = [n for n, outcome in enumerate(outcomes) if outcome is None]
        again = [
            replace(ends[n], settlement=transition.as_cancelled(ends[n].settlement)) for n in missed
        ]
        for n, outcome in zip(missed, await self._write(again) if again else [], strict=True):
            outcomes[n] = outcome or StaleClaim()
        return [outcome or StaleClaim() for outcome in outcomes]

    async def _write(self, ends: list[End]) -> list[Settlement | BaseException | None]:
        """One write of all, and one read if not every one of them hit; None: to be cancelled."""
        done = await self._jobs.update_each([end.update() for end in ends])
        if done.matched == len(ends):
            return [end.settlement for end in ends]
        ids = [end.job.job_id for end in ends]
        found = await self._jobs.find({"_id": {"$in": ids}}, projection=["lease", "settled"])
        by_id = {one["_id"]: one for one in found}
        return [
            done.errors.get(n) or _fate(end, by_id.get(end.job.job_id, {}))
            for n, end in enumerate(ends)
        ]


def _fate(end: End, document: Document) -> Settlement | BaseException | None:
    """What became of *end*, told by the job as it is now."""
    mark = Settled.model_validate(document["settled"]) if "settled" in document else None
    if mark and mark.token == end.token:
        cancelled = mark.outcome == Outcome.CANCELLED
        return transition.as_cancelled(end.settlement) if cancelled else end.settlement
    holds = document.get("lease", {}).get("token") == end.token
    return None if holds and transition.gives_back(end.settlement) else StaleClaim()
