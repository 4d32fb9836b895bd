"""Answers the doorbells of one worker, and rings for the jobs that this worker cannot take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from secretary_common.broker.message import RingOutcome
from secretary_common.models import Candidate
from secretary_common.ports import JobCandidates
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_worker.engine.claims import Claims
from secretary_worker.engine.line.candidates import Candidates
from secretary_worker.engine.line.running_limits import RunningLimits
from secretary_worker.engine.startable_types import StartableTypes
from secretary_worker.engine.timers import Timers

MOST_REMEMBERED = 20_000
ANSWERED = frozenset({RingOutcome.CLAIMED, RingOutcome.GONE, RingOutcome.SCHEDULED})
"""The outcomes after which no other worker gets the doorbell, but more jobs may wait."""

LATELY_SEC = 1.0
"""A doorbell for a job that this worker claimed longer ago may be about the job's next run."""

TypeAndId = tuple[str, str]
"""The type and the id of a job."""


class Ring(Protocol):
    """Rings the workers for a job."""

    def __call__(self, job: Candidate, /, *, shared: bool) -> None:
        """Ring for *job*. *shared*: more jobs may wait, and the worker looks for them."""


class Worker(Protocol):
    """What the doorbells need of the worker that answers them."""

    @property
    def free_slots(self) -> int:
        """The number of free slots."""

    @property
    def may_take(self) -> bool:
        """Whether the worker has a free slot and does not stop."""

    def look_soon(self) -> None:
        """Look for waiting jobs, soon."""

    def look_later(self) -> None:
        """Look for waiting jobs, together with what later doorbells ask for."""

    def fail(self, error: Exception) -> None:
        """Record that the worker could not answer doorbells."""


class Doorbells:
    """Answers the doorbells of one worker. Those of a moment share one claim and one read.

    A worker that has answered a doorbell owes a look, because more jobs may wait. If the worker is
    full after the look, the worker rings once for the next waiting job. Then another worker with a
    free slot does not wait for its poll.

    A look takes jobs whose own doorbells are on their way to other workers, which then claim them
    in vain. So a look follows at once only if the doorbell stands for several jobs, if its job may
    still wait or has a timer, or if the worker is full. Otherwise many doorbells share a later one.
    """

    def __init__(
        self,
        jobs: JobCandidates,
        claims: Claims,
        candidates: Candidates,
        types: StartableTypes,
        limits: RunningLimits,
        *,
        timers: Timers,
        clock: Clock,
        worker: Worker,
        ring: Ring,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """*ring* rings the workers, without waiting; *monotonic* returns the time in seconds."""
        self._jobs = jobs
        self._claims = claims
        self._candidates = candidates
        self._types = types
        self._limits = limits
        self._timers = timers
        self._clock = clock
        self._worker = worker
        self._ring = ring
        self._monotonic = monotonic
        self._groups: GroupCommit[TypeAndId, RingOutcome] = GroupCommit(
            self._answer, name="doorbells"
        )
        self._taken: dict[str, float] = {}
        """The ids of jobs that this worker has claimed, the latest last, with the time of each."""
        self.owes_look = False
        """Whether the worker has answered doorbells since its last look began."""

    async def answer(self, job_type: str, job_id: str) -> RingOutcome:
        """Answer a doorbell. Claim its job if a slot is free, and no known candidate goes first.

        A job of a paused type is not claimed. The doorbell of a job that this worker has claimed
        before is answered without a read.
        """
        return await self._groups.submit((job_type, job_id))

    async def answer_quick(self, job_type: str, job_id: str) -> RingOutcome:
        """Answer a quick doorbell as ``answer`` does. It may come before its job: look again."""
        outcome = await self.answer(job_type, job_id)
        if outcome is RingOutcome.GONE:
            self._worker.look_soon()
        return outcome

    async def answer_shared(self, job_type: str, job_id: str) -> RingOutcome:
        """Answer a doorbell that stands for several jobs, *job_id* first: look for them, soon."""
        try:
            await self._types.now({job_type})
        except Exception as error:  # noqa: BLE001 - logged; the next turn looks for the jobs
            self._worker.fail(error)
            return RingOutcome.GIVEN_BACK
        if not self._worker.may_take:
            return RingOutcome.GIVEN_BACK
        self.owes_look = True
        self._candidates.begin_with(job_id)
        self._worker.look_soon()
        return RingOutcome.GONE

    def remember(self, job_id: str) -> None:
        """Remember a job that this worker has claimed; at most ``MOST_REMEMBERED`` jobs."""
        self._taken.pop(job_id, None)
        self._taken[job_id] = self._monotonic()
        if len(self._taken) > MOST_REMEMBERED:
            del self._taken[next(iter(self._taken))]

    def begin_look(self) -> bool:
        """Record that a look begins; return whether the worker owed one."""
        owed, self.owes_look = self.owes_look, False
        return owed

    async def pass_on(self, due: Iterable[Candidate], *, owed: bool) -> None:
        """Ring for jobs that this worker, full or stopping, cannot take, so that idle workers look.

        Args:
            due: jobs whose timers have ended. Only this worker had a timer for them.
            owed: whether the worker owed the look that has ended. Then more jobs may wait, and this
                worker rings for the next one.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        startable, rung = await self._types.now(), False
        for job in due:
            self._ring(job, shared=False)
            rung = True
        if rung and (following := await self._jobs.next_due(startable, self._clock.now())):
            self._timers.set(following)
        if owed and await self._candidates.refresh(startable, self._clock.now()):
            for job in self._candidates.first():
                self._ring(job, shared=True)

    async def finish(self) -> None:
        """Return when all doorbells so far have been answered."""
        await self._groups.finish()

    async def _answer(self, rings: list[TypeAndId]) -> list[RingOutcome]:
        taken = {job_id: self._taken[job_id] for _, job_id in rings if job_id in self._taken}
        outcomes = dict.fromkeys(taken, RingOutcome.GONE)
        lately = self._monotonic() - LATELY_SEC
        may_wait = any(taken_at < lately for taken_at in taken.values())
        unknown = {job_id: job_type for job_type, job_id in rings if job_id not in outcomes}
        try:
            if unknown and self._worker.may_take:
                may_wait |= await self._answer_unknown(unknown, outcomes)
        except Exception as error:  # noqa: BLE001 - logged; the next turn looks for the jobs
            self._worker.fail(error)
        if answered := ANSWERED.intersection(outcomes.values()):
            self.owes_look = True
            if may_wait or RingOutcome.SCHEDULED in answered or not self._worker.may_take:
                self._worker.look_soon()
            else:
                self._worker.look_later()
        return [outcomes.get(job_id, RingOutcome.GIVEN_BACK) for _, job_id in rings]

    async def _answer_unknown(
        self, rings: dict[str, str], outcomes: dict[str, RingOutcome]
    ) -> bool:
        """Add the outcomes of *rings* to *outcomes*, except of rings that are given back.

        Returns whether the jobs of *rings* may still wait, for the look.
        """
        startable = await self._types.now(rings.values())
        if not self._worker.may_take:  # the last slot may have been taken during the read
            return False
        wanted = [job_id for job_id, job_type in rings.items() if job_type in startable]
        outcomes |= dict.fromkeys(rings.keys() - set(wanted), RingOutcome.PAUSED)
        # Candidates go first. A doorbell does not name the API key of its job, so with limits of
        # keys no job is claimed here. The look that follows finds the jobs.
        if len(self._candidates) > 0 or await self._limits.now():
            outcomes |= await self._gone_or_scheduled(wanted)
            return True
        while wanted and self._worker.may_take:
            free = self._worker.free_slots
            asked, wanted = wanted[:free], wanted[free:]
            claimed = await self._claims.claim(asked, startable)
            outcomes |= dict.fromkeys(claimed, RingOutcome.CLAIMED)
            if missed := [job_id for job_id in asked if job_id not in claimed]:
                outcomes |= await self._gone_or_scheduled(missed)
        return False

    async def _gone_or_scheduled(self, job_ids: Sequence[str]) -> dict[str, RingOutcome]:
        later = await self._jobs.scheduled(job_ids, self._clock.now())
        self._timers.set_all(later)
        return {
            **dict.fromkeys(job_ids, RingOutcome.GONE),
            **dict.fromkeys((job.job_id for job in later), RingOutcome.SCHEDULED),
        }
