"""Makes the claims of one worker, also for its guest slot; looks up claims without an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Candidate, Job, Lease
from secretary_common.ports import JobRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.engine.leases import Leases
from secretary_worker.engine.line.candidates import Candidates
from secretary_worker.engine.line.running_limits import RunningLimits
from secretary_worker.engine.startable_types import StartableTypes
from secretary_worker.metrics import claims as counted
from secretary_worker.metrics import wait_seconds

log = get_logger(__name__)

SendClaims = Callable[[Lease], Awaitable[Sequence[Job]]]


RECLAIM = "reclaim"
GUEST_SEC = 0.5
"""The shortest time between two looks for a guest."""


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """A claim whose answer was lost: this worker may hold the job."""

    job_id: str
    lease: Lease


class Claims:
    """Claims jobs and passes each claimed job to *on_claimed*, even if the caller is cancelled."""

    def __init__(
        self,
        jobs: JobRepository,
        leases: Leases,
        limits: RunningLimits,
        clock: Clock,
        on_claimed: Callable[[HeldJob], None],
    ) -> None:
        self._jobs = jobs
        self._leases = leases
        self._limits = limits
        self._clock = clock
        self._on_claimed = on_claimed
        self._under_way: dict[asyncio.Task[list[str]], int] = {}
        """The claims under way, and how many jobs each may get."""
        self._lost_answers: list[LostAnswer] = []
        self.found_by = "start"
        """How this worker found the candidates of its current look, for the metrics."""

    @property
    def undecided(self) -> int:
        """The number of jobs whose claim is under way or has lost its answer."""
        return sum(self._under_way.values()) + len(self._lost_answers)

    async def claim(
        self, job_ids: Sequence[str], job_types: Collection[str], *, found_by: str = "doorbell"
    ) -> list[str]:
        """Claim those of these waiting jobs that have one of these types; return their ids.

        The claimed jobs are passed on in the order of *job_ids*. The metrics show *found_by*.

        Raises:
            StoreUnavailable: the outcome is unknown; see ``resolve_lost_answers``.
        """
        return await self._make(
            job_ids,
            lambda lease: self._jobs.claim_many(job_ids, lease, self._clock.now(), job_types),
            found_by,
        )

    async def claim_candidates(
        self, jobs: Sequence[Candidate], job_types: Collection[str]
    ) -> list[str]:
        """Claim as ``claim`` does, and keep the limits of the jobs' API keys (``max_running``).

        A process that is killed in the transaction of such a claim leaves the transaction open, and
        MongoDB ends it after about a minute. Until then each claim for this key fails. So a failed
        claim only holds back the jobs of its key, for a while.

        Raises:
            StoreUnavailable: the outcome is unknown; see ``resolve_lost_answers``.
        """
        free, limited = self._limits.split(jobs)
        claimed = await self.claim(free, job_types, found_by=self.found_by) if free else []
        for owner, job_ids in limited.items():
            if self._limits.is_held(owner):
                continue  # these candidates were read before
            try:
                claimed += await self._claim_within(owner, job_ids, job_types)
            except StoreUnavailable as error:  # the next read fails too if MongoDB is away
                log.warning("key.held_back", key_id=owner, reason=str(error))
                self._limits.hold(owner)
        return claimed

    async def _claim_within(
        self, owner: str, job_ids: Sequence[str], job_types: Collection[str]
    ) -> list[str]:
        most = self._limits.of(owner) or len(job_ids)

        async def send(lease: Lease) -> Sequence[Job]:
            now = self._clock.now()
            return await self._jobs.claim_within(
                job_ids, lease, now, job_types, owner=owner, most=most
            )

        return await self._make(job_ids, send, self.found_by)

    async def reclaim(self, expired: Job) -> bool:
        """Claim a job whose lease has expired; return whether this worker got the job.

        Raises:
            StoreUnavailable: the outcome is unknown; see ``resolve_lost_answers``.
        """

        async def send(lease: Lease) -> list[Job]:
            job = await self._jobs.reclaim(expired, lease, self._clock.now())
            return [job] if job else []

        return await self._make([expired.job_id], send, RECLAIM) != []

    async def resolve_lost_answers(self) -> None:
        """Look up each claim whose answer was lost. Run the job if this worker holds it.

        The store confirms the read by a majority of MongoDB's members. The lease may have ended
        meanwhile, so this worker renews the lease first. If the lease is lost, the job does not run
        here.

        Raises:
            StoreUnavailable: the outcome of the remaining claims is still unknown.
        """
        while self._lost_answers:
            lost = self._lost_answers[0]
            token = lost.lease.token
            job = await self._jobs.held(lost.job_id, token)
            renewed_at = await self._leases.renew_claim(lost.job_id, token) if job else None
            self._lost_answers.remove(lost)
            if job and renewed_at is not None:
                self._on_claimed(HeldJob(job, lost.lease, renewed_at))

    async def finish(self) -> None:
        """Wait for the claims under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _make(self, job_ids: Sequence[str], send: SendClaims, found_by: str) -> list[str]:
        # A separate task, because the task of a doorbell is cancelled with its connection. A job
        # that was claimed must run nevertheless.
        task = asyncio.create_task(self._send(job_ids, send, found_by))
        self._under_way[task] = len(job_ids)
        task.add_done_callback(self._under_way.pop)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _send(self, job_ids: Sequence[str], send: SendClaims, found_by: str) -> list[str]:
        lease, sent_at = self._leases.new(), self._leases.monotonic()
        try:
            claimed = await send(lease)
        except Exception:  # after any error some of the jobs may be claimed
            self._lost_answers += [LostAnswer(job_id, lease) for job_id in job_ids]
            raise
        self._count(claimed, found_by)
        for job in claimed:
            self._on_claimed(HeldJob(job, lease, sent_at))
        return [job.job_id for job in claimed]

    def _count(self, claimed: Sequence[Job], found_by: str) -> None:
        counted[found_by,].inc(len(claimed))
        if found_by != RECLAIM:  # a reclaimed job has waited for the end of a lease
            now = self._clock.now()
            for job in claimed:
                wait_seconds[job.job_type,].observe(max(0.0, (now - job.run_at).total_seconds()))


class GuestSlot:
    """One more slot of a worker without a free slot, for the job of an API key that runs none here.

    Jobs that run are never interrupted. Without this slot, long jobs of one key could keep the jobs
    of all other keys waiting. A worker whose waiting jobs are all of one key never uses the slot.
    """

    def __init__(
        self,
        candidates: Candidates,
        claims: Claims,
        types: StartableTypes,
        clock: Clock,
        *,
        exists: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*exists*: whether the worker has this slot (``generic_worker.guest_slot``)."""
        self._candidates = candidates
        self._claims = claims
        self._types = types
        self._clock = clock
        self._monotonic = monotonic
        self.exists = exists
        self._looked_at = 0.0

    async def fill(self, owners: Collection[str]) -> None:
        """Claim a job of a key that is none of *owners*; look at most every ``GUEST_SEC``.

        Raises:
            StoreUnavailable: MongoDB did not answer.
        """
        now = self._monotonic()
        if now - self._looked_at < GUEST_SEC:
            return
        self._looked_at = now
        startable = await self._types.now()
        guest = await self._candidates.first_of_others(owners, startable, self._clock.now())
        if guest:
            await self._claims.claim_candidates([guest], startable)
