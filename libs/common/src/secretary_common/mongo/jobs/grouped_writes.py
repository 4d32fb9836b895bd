"""Writes to jobs that concurrent callers share: one round trip, and one outcome for each caller.

Many inserts, progress writes and settlements arrive at the same time, and each waits for a majority
and its journal. In groups of 32, a server takes about three times as many. Claims are not here: one
worker claims several jobs by one write of its own (``MongoJobClaims.claim_many``).

Each function writes one group; ``MongoJobRepository`` collects the groups with ``GroupCommit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pymongo.errors import DuplicateKeyError, OperationFailure

from secretary_common.errors import KeyInUse, StaleClaim
from secretary_common.jobs import transition
from secretary_common.models import Job, ProgressChange, Settled, Settlement
from secretary_common.mongo.driver.collection import Collection, Document, Update
from secretary_common.mongo.driver.fault import NOT_APPLICABLE_CODES
from secretary_common.mongo.jobs.document import LEASE_ENDED, held, to_document, update_of
from secretary_common.mongo.stored.reader import text_in


async def insert_jobs(collection: Collection, jobs: list[Job]) -> list[BaseException | None]:
    """Insert *jobs*; return for each job its error, or None if it was stored."""
    errors = await collection.insert_each([to_document(job) for job in jobs])
    return [
        KeyInUse() if isinstance(error := errors.get(n), DuplicateKeyError) else error
        for n in range(len(jobs))
    ]


async def write_progress(
    collection: Collection, changes: list[ProgressChange]
) -> list[datetime | BaseException | None]:
    """Write *changes*, each under its attempt's lease; return each job's ``notified_at``.

    The jobs are read only if a writer asks, or if an update has found no job.
    """
    done = await collection.update_each([_progress_update(change) for change in changes])
    is_asked = any(change.asks_notified_at for change in changes)
    if done.matched == len(changes) and not is_asked:
        return [None] * len(changes)
    ids = [change.job_id for change in changes]
    fields = ["lease.token", "notified_at"]
    found = await collection.find({"_id": {"$in": ids}}, projection=fields)
    # A token is never used again: the attempt that holds the lease now held it during the write.
    current = {(one["_id"], text_in(one, "lease", "token")): one for one in found}
    return [
        _fault(done.errors.get(n))
        or _notified_at(change, current.get((change.job_id, change.token)))
        for n, change in enumerate(changes)
    ]


def _fault(error: Exception | None) -> Exception | None:
    """Return the error for the attempt; ``StaleClaim`` if the job has become unreadable."""
    odd = isinstance(error, OperationFailure) and error.code in NOT_APPLICABLE_CODES
    return StaleClaim() if odd else error


def _progress_update(change: ProgressChange) -> Update:
    update = update_of(transition.progressed(change))
    if slot := change.slot:
        put = slot.model_dump(exclude={"due_at"}, exclude_none=True)
        update["$set"] |= {f"notify.{name}": value for name, value in put.items()}
        update["$min"] = {"notify.due_at": slot.due_at}  # an earlier time in the slot stays
    return held(change.job_id, change.token), update


def _notified_at(
    change: ProgressChange, document: Document | None
) -> datetime | BaseException | None:
    if document is None:
        return StaleClaim()
    at = document.get("notified_at")
    return at if change.asks_notified_at and isinstance(at, datetime) else None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """The settlement of one attempt, and the lease that the write expects."""

    job: Job
    token: str
    settlement: Settlement
    lease_ended: bool
    """Settle only if the lease ended by ``settlement.at`` and the job is as it was read, for a
    worker that is gone."""

    def update(self) -> Update:
        """Return the write that settles the attempt."""
        query = held(self.job.job_id, self.token)
        if self.lease_ended:
            query |= {"lease.expires_at": {"$lte": self.settlement.at}, **LEASE_ENDED}
            query["seq"] = self.job.seq  # the attempt may still report progress
        if transition.makes_pending(self.settlement):
            query["cancel_requested"] = {"$ne": True}
        change = transition.settled(self.job, self.token, self.settlement, lost=self.lease_ended)
        return query, update_of(change)


async def settle_attempts(
    collection: Collection, ends: list[AttemptEnd]
) -> Sequence[Settlement | BaseException]:
    """Settle attempts; return the written settlement or the error of each. Safe to repeat."""
    outcomes = await _settle(collection, ends)
    # A cancel request refuses a settlement to pending, although the lease is not lost.
    missed = [n for n, outcome in enumerate(outcomes) if outcome is None]
    again = [
        replace(ends[n], settlement=transition.as_cancelled(ends[n].settlement)) for n in missed
    ]
    for n, outcome in zip(missed, await _settle(collection, again) if again else [], strict=True):
        outcomes[n] = outcome or StaleClaim()
    return [outcome or StaleClaim() for outcome in outcomes]


async def _settle(
    collection: Collection, ends: list[AttemptEnd]
) -> list[Settlement | BaseException | None]:
    """Write all settlements; return their outcomes. None: the job must be cancelled instead."""
    done = await collection.update_each([end.update() for end in ends])
    if done.matched == len(ends):
        return [end.settlement for end in ends]
    ids = [end.job.job_id for end in ends]
    found = await collection.find({"_id": {"$in": ids}}, projection=["lease", "settled"])
    by_id = {one["_id"]: one for one in found}
    return [
        _fault(done.errors.get(n)) or _outcome_of(end, by_id.get(end.job.job_id, {}))
        for n, end in enumerate(ends)
    ]


def _outcome_of(end: AttemptEnd, document: Document) -> Settlement | BaseException | None:
    """Decide the outcome of *end* from the job as it is now."""
    if text_in(document, "settled", "token") == end.token:
        mark = _mark_in(document, end.token)
        return transition.standing(end.settlement, mark, lost=end.lease_ended) or StaleClaim()
    holds = text_in(document, "lease", "token") == end.token
    return None if holds and transition.makes_pending(end.settlement) else StaleClaim()


def _mark_in(document: Document, token: str) -> Settled:
    """Return the mark of a settlement under *token*, which *document* has."""
    outcome = text_in(document, "settled", "outcome") or ""
    return Settled(token=token, outcome=outcome, lost=document["settled"].get("lost") is True)
