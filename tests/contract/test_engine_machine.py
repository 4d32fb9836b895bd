"""The promise of the engine holds for any events in any order.

Hypothesis chooses the order: submissions, doorbells that are lost, doubled or late, claims,
renewals, settlements that come late or whose answers are lost, cancellations, retries, workers that
die. The real parts run (repository, writer, verdict, reclaimer, actions, relay); only processes and
time are simulated. After each step every job is compared with its previous version.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.engine_parts import RETENTION, hold_of, make_reclaimer, make_writer

from secretary_api.jobs.actions import JobActions
from secretary_common.errors import InvalidState, PermanentError, StaleClaim, StoreUnavailable
from secretary_common.jobs.outbox import relay
from secretary_common.models import (
    Job,
    JobProgress,
    JobStatus,
    Lease,
    Outcome,
    Phase,
    ProgressChange,
    Settlement,
    Webhook,
    delivery_id_of,
    new_job_id,
    new_token,
)
from secretary_common.models.states import TRANSITIONS
from secretary_common.mongo.deliveries.repository import MongoDeliveryRepository
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.indexes import definitions
from secretary_common.mongo.jobs.repository import MongoJobRepository
from secretary_common.ports import DeliveryRepository, JobRepository
from secretary_common.runtime.clock import ManualClock
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.doorbell import RecordingDoorbell
from secretary_common.testing.jobs import InMemoryJobRepository, InMemoryLogRepository
from secretary_worker.attempt import flush_timer
from secretary_worker.attempt import writer as writer_module
from secretary_worker.attempt.commands import AwaitDurable, Results
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.verdict import Ending, Interruption, decide
from secretary_worker.attempt.writer import AttemptWriter

T = TypeVar("T")

TYPES = frozenset({"test"})
LEASE_SEC = 30.0
MAX_LOST_LEASES = 4
HOOK = Webhook(url="https://example.com/hook")
URL = "http://api"

pick = st.integers(min_value=0, max_value=10_000)


class LosesAnswers:
    """A job repository that makes writes but may lose their answers."""

    def __init__(self, jobs: JobRepository) -> None:
        self._jobs = jobs
        self.to_lose = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    async def settle(
        self, job: Job, token: str, settlement: Settlement, *, ended: bool = False
    ) -> Settlement:
        made = await self._jobs.settle(job, token, settlement, ended=ended)
        self._answer()
        return made

    async def record_progress(self, change: ProgressChange) -> Any:
        notified_at = await self._jobs.record_progress(change)
        self._answer()
        return notified_at

    def _answer(self) -> None:
        if self.to_lose:
            self.to_lose -= 1
            raise StoreUnavailable("the answer was lost")


@dataclass
class Attempt:
    """An attempt as its worker sees it; the worker may have lost the job without knowing."""

    hold: HeldJob
    writer: AttemptWriter
    owner: str
    ended: bool = False
    percents: list[int] = field(default_factory=list)


class EngineMachine(RuleBasedStateMachine):
    """Clients, workers, a notifier and time around the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        jobs, self.deliveries = self.do(self.open_stores())
        self.plain_jobs: JobRepository = jobs
        self.losing = LosesAnswers(jobs)
        self.jobs: Any = self.losing  # all other methods are those of the real repository
        self.logs = InMemoryLogRepository()
        self.doorbell = RecordingDoorbell()
        self.reclaimer, self.background = make_reclaimer(
            self.jobs, self.doorbell, self.clock, MAX_LOST_LEASES
        )
        self.actions = JobActions(
            jobs=self.jobs,
            deliveries=self.deliveries,
            doorbell=self.doorbell,
            clock=self.clock,
            retention=RETENTION,
            public_url=URL,
        )
        self.ids: list[str] = []
        self.before: dict[str, Job] = {}
        self.attempts: list[Attempt] = []
        self.claimed: dict[str, list[int]] = {}
        self.ends: dict[tuple[str, int], Job] = {}
        self.retried: str | None = None

    async def open_stores(self) -> tuple[JobRepository, DeliveryRepository]:
        return InMemoryJobRepository(), InMemoryDeliveryRepository()

    async def close_stores(self) -> None:
        """Close nothing: the stores are in memory."""

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        # Runner.run sets a signal handler each time, which costs more than most steps.
        return self.runner.get_loop().run_until_complete(work)

    # Clients.

    @rule(hook=st.booleans(), delay=st.sampled_from([0, 0, 3]), attempts=st.integers(1, 3))
    def submit(self, *, hook: bool, delay: int, attempts: int) -> None:
        now = self.clock.now()
        job = Job(
            job_id=new_job_id(),
            job_type="test",
            owner="key-1",
            run_at=now + timedelta(seconds=delay),
            created_at=now,
            updated_at=now,
            max_attempts=attempts,
            webhook=HOOK if hook else None,
        )
        self.do(self.jobs.insert(job))
        self.do(self.doorbell.ring_job("test", job.job_id))
        self.ids.append(job.job_id)
        self.before[job.job_id] = job

    @precondition(lambda self: self.ids)
    @rule(which=pick)
    def cancel(self, which: int) -> None:
        job = self.job(self.chosen(which))
        try:
            self.do(self.actions.cancel(job))
        except InvalidState:
            assert job.has_ended
        else:
            assert not job.has_ended

    @precondition(lambda self: self.ids)
    @rule(which=pick)
    def retry(self, which: int) -> None:
        job = self.job(self.chosen(which))
        self.retried = job.job_id
        try:
            self.do(self.actions.retry(job))
        except InvalidState:
            assert not job.has_ended
        else:
            assert job.has_ended

    # Workers.

    @precondition(lambda self: self.doorbell.jobs)
    @rule(which=pick, fate=st.sampled_from(["received", "received", "lost", "received twice"]))
    def doorbell_rings(self, which: int, fate: str) -> None:
        place = which % len(self.doorbell.jobs)  # any doorbell: doorbells may overtake each other
        _, job_id = self.doorbell.jobs[place]
        if fate != "received twice":
            del self.doorbell.jobs[place]
        if fate != "lost":
            self.do(self.claim(job_id))

    @precondition(lambda self: self.ids)
    @rule()
    def worker_polls(self) -> None:
        for candidate in self.do(self.jobs.candidates(TYPES, self.clock.now(), 1)):
            self.do(self.claim(candidate.job_id))

    @precondition(lambda self: self.ids)
    @rule()
    def worker_sweeps(self) -> None:
        self.do(self.reclaimer.reclaim(TYPES, self.reclaim_job, lambda: 1))

    @precondition(lambda self: self.attempts)
    @rule(which=pick)
    def worker_renews(self, which: int) -> None:
        attempt = self.attempt(which)
        if attempt.ended:
            return
        job_id = attempt.hold.job.job_id
        end = self.clock.now() + timedelta(seconds=LEASE_SEC)
        renewed = self.do(self.jobs.renew(attempt.owner, [job_id], end)).get(job_id)
        if renewed is None or renewed.token != attempt.hold.token:
            assert not self.holds(attempt)
            attempt.hold.interrupt(Interruption.LEASE_LOST)
        elif renewed.cancel_requested:
            attempt.hold.interrupt(Interruption.CANCEL_REQUESTED)

    @precondition(lambda self: self.attempts)
    @rule(which=pick, percent=st.integers(0, 100), lost=st.integers(0, 1))
    def handler_reports(self, which: int, percent: int, lost: int) -> None:
        attempt = self.attempt(which)
        holding, before = self.holds(attempt), self.job(attempt.hold.job.job_id)
        self.losing.to_lose = lost
        try:
            self.do(self.written(attempt, JobProgress(step="s", percent=percent)))
        except StaleClaim:
            assert not holding
        self.losing.to_lose = 0
        after = self.job(before.job_id)
        if holding and not attempt.ended:
            assert after.progress is not None
            attempt.percents.append(after.progress.percent)
            assert attempt.percents == sorted(attempt.percents)
        else:
            assert after == before

    @precondition(lambda self: self.attempts)
    @rule(
        which=pick,
        how=st.sampled_from(["returns", "returns", "raises", "gives up", "is stopped"]),
        lost=st.integers(0, 2),
    )
    def attempt_ends(self, which: int, how: str, lost: int) -> None:
        """End any attempt, even one that has ended or has lost its job long ago."""
        attempt = self.attempt(which)
        holding, before = self.holds(attempt), self.job(attempt.hold.job.job_id)
        self.losing.to_lose = lost
        settlement = self.do(self.end(attempt, how))
        self.losing.to_lose = 0
        after = self.job(before.job_id)
        if holding:
            assert settlement is not None
            assert after.lease is None
            assert after.settled is not None
            assert after.settled.token == attempt.hold.token
            if settlement.outcome is Outcome.COMPLETED:
                assert after.results == {"attempt": attempt.hold.job.attempt}
        else:
            assert after == before
        attempt.ended = True

    # Time, deaths and the notifier.

    @rule(seconds=st.sampled_from([0.5, 4, 11, 31, 700]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.attempts)
    @rule(which=pick)
    def worker_dies(self, which: int) -> None:
        attempt = self.attempts.pop(which % len(self.attempts))
        self.do(self.stopped(attempt))

    @rule()
    def notifier_relays(self) -> None:
        self.do(self.relay_all())

    @invariant()
    def nothing_is_broken(self) -> None:
        for job_id in self.ids:
            now, before = self.job(job_id), self.before[job_id]
            self.compare(before, now)
            self.before[job_id] = now
        self.retried = None

    def compare(self, before: Job, now: Job) -> None:
        assert now.attempt >= before.attempt
        assert now.seq >= before.seq
        assert now.forgiven <= now.attempt
        assert now.counted_attempts <= now.max_attempts
        assert now.lost_leases < MAX_LOST_LEASES
        if now.status is not before.status:
            assert now.seq > before.seq
            assert self.leads_to(before.status, now.status)
        if before.has_ended and now.run == before.run:
            assert outcome_of(now) == outcome_of(before)
        if now.run != before.run:
            assert self.retried == now.job_id
            assert (before.has_ended, now.run) == (True, before.run + 1)
        assert (now.lease is not None) is (now.status is JobStatus.PROCESSING)
        if now.has_ended:
            key = (now.job_id, now.run)
            assert outcome_of(self.ends.setdefault(key, now)) == outcome_of(now)

    @staticmethod
    def leads_to(before: JobStatus, now: JobStatus) -> bool:
        """Return whether one or two transitions lead there.

        A step of this machine may make two: a doorbell may claim the job at once.
        """
        direct = TRANSITIONS[before]
        return now in direct or any(now in TRANSITIONS[between] for between in direct)

    def teardown(self) -> None:
        """At the end every accepted job ends once, and every end becomes a delivery."""
        try:
            self.do(self.run_out())
            for job_id in self.ids:
                job = self.job(job_id)
                assert job.has_ended
                assert job.notify is None
                self.ends.setdefault((job_id, job.run), job)
            self.do(self.check_deliveries())
        finally:
            for attempt in self.attempts:
                self.do(self.stopped(attempt))
            self.do(self.background.finish())
            self.do(self.close_stores())
            self.runner.close()

    async def run_out(self) -> None:
        for attempt in self.attempts:
            attempt.hold.interrupt(Interruption.LEASE_LOST)
        for _ in range(60):
            self.clock.advance(700)
            await self.claim_all()
            for attempt in self.attempts:
                if not attempt.ended and attempt.hold.interruption is None:
                    await self.end(attempt, "returns")
                    attempt.ended = True
            await self.relay_all()
            jobs = [await self.jobs.get(job_id) for job_id in self.ids]
            if all(job.has_ended and not job.notify for job in jobs):
                return

    async def claim_all(self) -> None:
        await self.reclaimer.reclaim(TYPES, self.reclaim_job, lambda: 1)
        for candidate in await self.jobs.candidates(TYPES, self.clock.now(), 100):
            await self.claim(candidate.job_id)

    async def reclaim_job(self, job: Job) -> bool:
        owner, lease = self.lease()
        taken = await self.jobs.reclaim(job, lease, self.clock.now())
        if taken:
            await self.hold(taken, lease, owner)
        return taken is not None

    async def check_deliveries(self) -> None:
        for (job_id, _run), job in self.ends.items():
            made = await self.deliveries.of_job(job_id)
            ends = [one for one in made if one.delivery_id == delivery_id_of(job_id, job.seq)]
            assert len(ends) == (1 if job.webhook else 0)
            assert all(one.phase == Phase(job.status.value) for one in ends)
            assert len({one.seq for one in made}) == len(made)

    # Helpers.

    def chosen(self, which: int) -> str:
        return self.ids[which % len(self.ids)]

    def attempt(self, which: int) -> Attempt:
        return self.attempts[which % len(self.attempts)]

    def job(self, job_id: str) -> Job:
        job = self.do(self.plain_jobs.get(job_id))
        assert job is not None, "an accepted job is lost"
        return job

    def holds(self, attempt: Attempt) -> bool:
        lease = self.job(attempt.hold.job.job_id).lease
        return lease is not None and lease.token == attempt.hold.token

    def lease(self) -> tuple[str, Lease]:
        owner, end = new_token(), self.clock.now() + timedelta(seconds=LEASE_SEC)
        return owner, Lease(owner=owner, token=new_token(), expires_at=end)

    async def claim(self, job_id: str) -> None:
        owner, lease = self.lease()
        before = await self.jobs.get(job_id)
        job = await self.jobs.claim(job_id, lease, self.clock.now(), TYPES)
        if job:
            assert before.status is JobStatus.PENDING
            await self.hold(job, lease, owner)

    async def hold(self, job: Job, lease: Lease, owner: str) -> None:
        assert not job.cancel_requested, "a cancelled job was started"
        attempts = self.claimed.setdefault(job.job_id, [])
        assert all(job.attempt > one for one in attempts)
        attempts.append(job.attempt)
        hold = hold_of(job, lease)
        writer = make_writer(hold, self.jobs, self.logs, self.clock)
        self.attempts.append(Attempt(hold, writer, owner))

    async def written(self, attempt: Attempt, progress: JobProgress) -> None:
        confirm = AwaitDurable(progress)
        attempt.writer.submit(progress)
        attempt.writer.submit(confirm)
        async with asyncio.timeout(10):
            await asyncio.wrap_future(confirm.done)

    async def end(self, attempt: Attempt, how: str) -> Settlement | None:
        attempt.writer.submit(Results({"attempt": attempt.hold.job.attempt}))
        raised = {"raises": ValueError("boom"), "gives up": PermanentError("no")}.get(how)
        stopped = Interruption.SHUTDOWN if how == "is stopped" else None
        ending = Ending(attempt.hold.interruption or stopped, raised)
        verdict = decide(attempt.hold.job, ending, self.clock.now(), 0.5)
        async with asyncio.timeout(10):
            return await attempt.writer.settle(verdict)

    async def stopped(self, attempt: Attempt) -> None:
        await attempt.writer.close()

    async def relay_all(self) -> None:
        now = self.clock.now()
        for job in await self.jobs.due_slots(now, 100):
            await relay(job, self.jobs, self.deliveries, now, URL)


def outcome_of(job: Job) -> tuple[Any, ...]:
    """Return the fields that never change after the end of a run."""
    return job.status, job.results, job.error, job.completed_at, job.attempt, job.run, job.seq


def over_mongodb(url: str, database: str) -> type[EngineMachine]:
    """Return the same machine over a real MongoDB."""

    class MongoEngineMachine(EngineMachine):
        async def open_stores(self) -> tuple[JobRepository, DeliveryRepository]:
            self.client = DatabaseClient(url, database, "pymongo")
            suffix = uuid.uuid4().hex
            jobs = self.client.collection(f"jobs_{suffix}")
            for index in definitions.JOBS:
                await jobs.create_index(index)
            jobs.use_indexes(index.document["name"] for index in definitions.JOBS)
            return (
                MongoJobRepository(jobs),
                MongoDeliveryRepository(
                    self.client.collection(f"deliveries_{suffix}"),
                    self.client.collection(f"muted_{suffix}"),
                ),
            )

        async def close_stores(self) -> None:
            await self.client.close()

    return MongoEngineMachine


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the writer's delays, which only matter for handlers with very many writes."""
    monkeypatch.setattr(flush_timer, "FLUSH_SEC", 0.0)
    monkeypatch.setattr(writer_module, "STORE_RETRY_SEC", 0.0)


def examples(count: int, steps: int) -> settings:
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_the_promise_holds_in_any_order_of_events() -> None:
    run_state_machine_as_test(EngineMachine, settings=examples(150, 50))


def test_the_promise_holds_over_a_real_mongodb(mongo_url: str, database_name: str) -> None:
    machine = over_mongodb(mongo_url, database_name)
    run_state_machine_as_test(machine, settings=examples(15, 40))
