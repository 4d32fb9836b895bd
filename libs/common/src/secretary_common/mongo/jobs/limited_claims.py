"""Claims of jobs whose API key may run only a number of jobs at the same time."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from datetime import datetime

from pymongo.errors import OperationFailure

from secretary_common.jobs import transition
from secretary_common.models import Job, Lease
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.driver.fault import NOT_APPLICABLE_CODES
from secretary_common.mongo.driver.transaction import Transaction
from secretary_common.mongo.jobs.claims import MongoJobClaims, claimable
from secretary_common.mongo.jobs.document import PROCESSING, update_of

TURNSTILE = "limited_claims"


class MongoLimitedClaims(MongoJobClaims):
    """The part for claims within a limit (``ports.JobClaims``)."""

    _jobs: Collection

    async def claim_within(
        self,
        job_ids: Sequence[str],
        lease: Lease,
        now: datetime,
        job_types: Names[str],
        *,
        owner: str,
        most: int,
    ) -> list[Job]:
        """Count and claim in one transaction; transactions for the same owner never overlap."""
        change = update_of(transition.claimed(lease, now))

        async def count_and_claim(transaction: Transaction) -> tuple[list[str], int]:
            await transaction.enter(TURNSTILE, owner)
            theirs = {"status": PROCESSING, "owner": owner}
            running = await transaction.count(theirs, most, hint="running")
            wanted = list(job_ids[: most - running])
            query = {"_id": {"$in": wanted}, "owner": owner, **claimable(job_types, now)}
            return wanted, await transaction.update_many(query, change) if wanted else 0

        try:
            wanted, taken = await self._jobs.in_transaction(count_and_claim)
        except OperationFailure as error:
            if error.code not in NOT_APPLICABLE_CODES:
                raise
            wanted, taken = list(job_ids), 0  # a job is unreadable; the read sets it aside
        return await self._claimed_among(wanted, lease, now, taken) if wanted else []
