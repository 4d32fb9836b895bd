"""The notifier's promise in any order of events, over the in-memory store and a manual clock.

The receiver misbehaves, notifiers stall and die, workers continue, and clients retry jobs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.virtual_loop import VirtualLoop

from secretary_common.jobs.outbox import relay
from secretary_common.jobs.slot import progress_slot
from secretary_common.models import (
    Delivery,
    DeliveryState,
    Job,
    JobProgress,
    JobStatus,
    NotifySlot,
    OvertakenProgress,
    Phase,
    Webhook,
)
from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.jobs import InMemoryJobRepository
from secretary_notifier.courier import Courier
from secretary_notifier.courier_config import CourierConfig
from secretary_notifier.first_claims import FirstClaims
from secretary_notifier.relay import Relay
from secretary_notifier.verdict import Answer

URL = "https://secretary.example"
NOTIFIERS = 3
JOBS = ("job-a", "job-b")
ENDS = (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)
SCHEDULE = (0.0, 5.0, 300.0, 1800.0)
LEASE = timedelta(seconds=25)
SETTLE_SEC = 0.1
"""In the loop's own time: long enough for every task to continue; groups wait a millisecond."""


@dataclass
class Sending:
    """A POST in flight."""

    delivery: Delivery
    begun_at: datetime
    answer: asyncio.Future[Answer]
    notifier: int
    task: asyncio.Task[Any] | None = None


class NotifierMachine(RuleBasedStateMachine):
    """Jobs with events, three notifiers, one receiver."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.clock = ManualClock()
        self.jobs = InMemoryJobRepository()
        self.deliveries = InMemoryDeliveryRepository()
        self.relay = Relay(
            self.jobs, self.deliveries, self.clock, public_url=URL, first_wait_sec=0.0
        )
        self.couriers = [self.new_courier(number) for number in range(NOTIFIERS)]
        self.tasks: set[asyncio.Task[Any]] = set()
        self.sending: list[Sending] = []
        self.begun: defaultdict[str, list[Delivery]] = defaultdict(list)
        self.stale: list[Job] = []
        self.gone_until: dict[str, datetime] = {}
        self.is_over = False
        for number, job_id in enumerate(JOBS):
            self.do(self.jobs.insert(self.new_job(job_id, number)))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def settle(self) -> None:
        self.do(asyncio.sleep(SETTLE_SEC))
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.discard(task)
            if not task.cancelled() and task.exception() is not None:
                raise AssertionError from task.exception()

    def new_job(self, job_id: str, number: int) -> Job:
        now = self.clock.now()
        return Job(
            job_id=job_id,
            job_type="pdf",
            owner="key-1",
            status=JobStatus.PROCESSING,
            run_at=now,
            created_at=now,
            updated_at=now,
            seq=1,
            webhook=Webhook(url=f"https://example.com/{number}"),
        )

    def new_courier(self, number: int) -> Courier:
        machine = self

        class Receiver:
            async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
                return await machine.receive(delivery, at, number)

        config = CourierConfig(owner=f"n-{number}", timeout_sec=15, retry_schedule_sec=SCHEDULE)
        limit = KeyedLimit(total=8, per_key=8)
        return Courier(self.deliveries, Receiver(), limit, self.clock, config)

    # The receiver, and what it may rely on.

    async def receive(self, delivery: Delivery, at: datetime, notifier: int) -> Answer:
        job_id = delivery.job_id
        in_time = [
            one
            for one in self.sending
            if one.delivery.job_id == job_id and at < one.begun_at + timedelta(seconds=15)
        ]
        assert not in_time, "two attempts of a job at the same time"
        before = self.begun[job_id]
        assert all(delivery.seq >= each.seq for each in before), "an older event after a newer one"
        same = [each for each in before if each.delivery_id == delivery.delivery_id]
        assert all(each.body == delivery.body for each in same), "other bytes under the same id"
        assert at >= self.gone_until.get(delivery.url, at), "sent to a URL that said gone"
        if delivery.is_terminal_event:
            assert len(delivery.attempts) < len(SCHEDULE)
        else:
            assert len(delivery.attempts) < 2
        for attempt in delivery.attempts:
            assert at > attempt.at
        before.append(delivery)
        if self.is_over:
            return Answer(at=at, duration_ms=1, status_code=200)
        sending = Sending(delivery, at, self.loop.create_future(), notifier)
        sending.task = asyncio.current_task()
        self.sending.append(sending)
        return await sending.answer

    # Workers and clients.

    def job(self, name: str) -> Job:
        return self.jobs.jobs[name]

    @rule(name=st.sampled_from(JOBS))
    def progress(self, name: str) -> None:
        """A worker reports progress, as ``record_progress`` writes it."""
        job, now = self.job(name), self.clock.now()
        if job.status is not JobStatus.PROCESSING:
            return
        slot = progress_slot(job, job.seq + 1, now, job.notified_at)
        if job.notify and slot:
            slot = slot.model_copy(update={"due_at": job.notify.due_at})
        self.jobs.put(job, seq=job.seq + 1, notify=slot, updated_at=now)

    @rule(name=st.sampled_from(JOBS), phase=st.sampled_from(ENDS), is_short=st.booleans())
    def finish(self, name: str, phase: Phase, *, is_short: bool = False) -> None:
        """A worker ends the job; a terminal event takes the slot, with the only progress."""
        job, now = self.job(name), self.clock.now()
        if job.status is not JobStatus.PROCESSING:
            return
        slot = NotifySlot(seq=job.seq + 1, run=job.run, phase=phase, due_at=now)
        if is_short:
            overtaken = OvertakenProgress(seq=slot.seq, at=now, progress=JobProgress(percent=30))
            slot = slot.model_copy(update={"overtaken": overtaken, "seq": slot.seq + 1})
        status = JobStatus(phase.value)
        self.jobs.put(
            job, seq=slot.seq, notify=slot, status=status, completed_at=now, updated_at=now
        )

    @rule(name=st.sampled_from(JOBS))
    def retry(self, name: str) -> None:
        """A client starts a new run; an event that still waits in the slot is relayed first."""
        job = self.job(name)
        if job.status is JobStatus.PROCESSING:
            return
        if job.notify is not None:
            self.do(relay(job, self.jobs, self.deliveries, self.clock.now(), URL))
        job = self.job(name)
        self.jobs.put(job, seq=job.seq + 1, run=job.run + 1, status=JobStatus.PROCESSING)

    # Notifiers.

    @rule(name=st.sampled_from(JOBS))
    def read_a_slot_and_stall(self, name: str) -> None:
        self.stale.append(self.job(name))

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def relay_a_slot_read_long_ago(self, data: st.DataObject) -> None:
        job = self.stale.pop(data.draw(st.integers(0, len(self.stale) - 1)))
        self.do(relay(job, self.jobs, self.deliveries, self.clock.now(), URL))

    @rule()
    def relay_due_slots(self) -> None:
        self.do(self.relay.relay_due())

    @rule(number=st.integers(0, NOTIFIERS - 1))
    def relay_and_claim_due_slots(self, number: int) -> None:
        """A notifier stores new deliveries as claimed and sends them at once."""
        self.do(self.relay.relay_due(stores=self.first_claims(number)))
        self.settle()

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), number=st.integers(0, NOTIFIERS - 1))
    def relay_and_claim_a_slot_read_long_ago(self, data: st.DataObject, number: int) -> None:
        job = self.stale.pop(data.draw(st.integers(0, len(self.stale) - 1)))
        self.do(relay(job, self.jobs, self.first_claims(number), self.clock.now(), URL))
        self.settle()

    @rule()
    def relay_and_die_after_the_claim(self) -> None:
        """kill -9 between the write that stores and claims, and the request."""
        stores = FirstClaims(
            self.deliveries,
            self.clock,
            new_lease=self.couriers[0].claims.new_lease,
            take_slot=lambda _: True,
            free_slot=lambda _: None,
            check=self.couriers[0].claims.obstacles_of_new_end,
            send=lambda _, __: None,
        )
        self.do(self.relay.relay_due(stores=stores))

    def first_claims(self, number: int) -> FirstClaims:
        courier = self.couriers[number]
        return FirstClaims(
            self.deliveries,
            self.clock,
            new_lease=courier.claims.new_lease,
            take_slot=lambda _: True,
            free_slot=lambda _: None,
            check=courier.claims.obstacles_of_new_end,
            send=lambda one, check: self.tasks.add(
                self.loop.create_task(courier.deliver_claimed(one, check=check))
            ),
        )

    @rule(name=st.sampled_from(JOBS))
    def receive_a_doorbell(self, name: str) -> None:
        self.do(self.relay.relay_due({name}))

    @rule(number=st.integers(0, NOTIFIERS - 1), newest_first=st.booleans())
    def send_due_deliveries(self, number: int, *, newest_first: bool) -> None:
        """A notifier starts all due deliveries, in any order."""
        now = self.clock.now()
        lanes = self.do(self.deliveries.waiting_lanes())
        due = self.do(self.deliveries.due(lanes, now, 10))
        for each in reversed(due) if newest_first else due:
            task = self.loop.create_task(self.couriers[number].deliver(each))
            self.tasks.add(task)
        self.settle()

    def send_all_due_deliveries(self) -> None:
        """Send as the dispatcher does: after each delivery it sends the next one of the same job.

        A job has one delivery in flight at a time. So a round sends one delivery of each job.
        """
        for _ in range(len(self.deliveries.deliveries)):
            self.send_due_deliveries(0, newest_first=False)

    @precondition(lambda self: self.sending)
    @rule(
        data=st.data(),
        status=st.sampled_from([200, 204, 302, 404, 410, 429, 500, 503, None]),
        retry_after=st.sampled_from([None, "60", "garbage", "999999"]),
    )
    def answer(self, data: st.DataObject, status: int | None, retry_after: str | None) -> None:
        number = data.draw(st.integers(0, len(self.sending) - 1))
        self.answer_one(self.sending.pop(number), status, retry_after)

    def answer_one(self, sending: Sending, status: int | None, retry_after: str | None) -> None:
        now = self.clock.now()
        error = None if status else "timeout: no complete answer within 15 s"
        if status == 410 and self.holds(sending):
            self.gone_until[sending.delivery.url] = now + timedelta(hours=24)
        if not sending.answer.done():
            sending.answer.set_result(
                Answer(sending.begun_at, 3, status, retry_after=retry_after, error=error)
            )
        self.settle()

    @precondition(lambda self: self.sending)
    @rule(data=st.data())
    def kill_the_sender(self, data: st.DataObject) -> None:
        """kill -9 between the request and its record: nothing more is written."""
        sending = self.sending[data.draw(st.integers(0, len(self.sending) - 1))]
        if sending.task:
            sending.task.cancel()
        self.settle()

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.0, 5.5, 26.0, 400.0, 2100.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        now = self.clock.now()
        # The deadline cuts requests in flight: no attempt outlasts it.
        for sending in [one for one in self.sending if now >= one.begun_at + timedelta(seconds=15)]:
            self.sending.remove(sending)
            if not sending.answer.done():
                sending.answer.set_result(
                    Answer(sending.begun_at, 15000, error="timeout: no complete answer")
                )
        self.settle()

    def holds(self, sending: Sending) -> bool:
        return sending.task is not None and not sending.task.done()

    @invariant()
    def progress_is_coalesced(self) -> None:
        made: defaultdict[str, list[Delivery]] = defaultdict(list)
        for each in self.deliveries.deliveries.values():
            made[each.job_id].append(each)
        for events in made.values():
            # A delivery that a stalled notifier made late is dropped, not sent.
            sent = [each for each in events if each.attempts and not each.is_terminal_event]
            moments = sorted(each.created_at for each in sent)
            gaps = [b - a for a, b in pairwise(moments)]
            assert all(gap >= timedelta(seconds=1) for gap in gaps)

    def teardown(self) -> None:
        """The receiver recovers and the notifiers continue: each end is delivered if it may be."""
        self.is_over = True
        for sending in self.sending:
            if not sending.answer.done():
                sending.answer.cancel()
        self.sending.clear()
        self.settle()
        try:
            for _ in range(
                30
            ):  # the last round is after 24 h 10 min; a Retry-After counts up to 24 h
                self.relay_due_slots()
                self.send_all_due_deliveries()
                self.clock.advance(3000)
            for name in JOBS:
                self.check_the_end(name)
        finally:
            self.loop.close()

    def check_the_end(self, name: str) -> None:
        job = self.job(name)
        assert job.notify is None
        events = self.do(self.deliveries.of_job(name))
        waiting = (DeliveryState.PENDING, DeliveryState.SENDING)
        assert not [each for each in events if each.state in waiting]
        if job.status is JobStatus.PROCESSING:
            return
        last = events[-1]
        assert (last.seq, last.phase.value) == (job.seq, job.status.value)
        spent = len(last.attempts) == len(SCHEDULE)
        said_gone = last.url in self.gone_until or "410" in (last.reason or "")
        assert last.state is DeliveryState.DELIVERED or spent or said_gone


TestPromise = NotifierMachine.TestCase
TestPromise.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def machine_with_a_short_job() -> NotifierMachine:
    """Return a machine whose notifier has relayed the end of a short job with its progress."""
    machine = NotifierMachine()
    machine.finish(name="job-a", phase=Phase.COMPLETED, is_short=True)
    machine.relay_due_slots()
    return machine


def sent_by(machine: NotifierMachine) -> list[Phase]:
    return [delivery.phase for delivery in machine.begun["job-a"]]


def test_the_progress_of_a_short_job_is_sent_before_its_end() -> None:
    machine = machine_with_a_short_job()
    machine.send_due_deliveries(number=0, newest_first=True)
    assert sent_by(machine) == [Phase.PROCESSING]
    machine.answer_one(machine.sending.pop(), 200, None)
    machine.send_due_deliveries(number=1, newest_first=True)
    assert sent_by(machine) == [Phase.PROCESSING, Phase.COMPLETED]
    machine.teardown()


def test_the_end_does_not_wait_for_a_second_attempt_of_the_progress_before_it() -> None:
    machine = machine_with_a_short_job()
    machine.send_due_deliveries(number=0, newest_first=True)
    machine.answer_one(machine.sending.pop(), 500, None)
    machine.send_due_deliveries(number=0, newest_first=True)
    assert sent_by(machine) == [Phase.PROCESSING, Phase.COMPLETED]
    machine.answer_one(machine.sending.pop(), 200, None)
    machine.time_passes(seconds=5.5)
    machine.send_due_deliveries(number=0, newest_first=True)
    assert sent_by(machine) == [Phase.PROCESSING, Phase.COMPLETED]
    machine.teardown()


def test_a_progress_that_no_notifier_sends_in_time_is_dropped() -> None:
    machine = machine_with_a_short_job()
    machine.time_passes(seconds=5.5)
    machine.send_due_deliveries(number=0, newest_first=True)
    machine.answer_one(machine.sending.pop(), 200, None)
    machine.send_due_deliveries(number=0, newest_first=True)
    assert sent_by(machine) == [Phase.COMPLETED]
    machine.teardown()


def test_an_end_is_delivered_when_an_older_progress_is_due_at_the_same_time() -> None:
    """A receiver asked for the longest wait twice: both events of the job are due 24 h later."""
    machine = NotifierMachine()
    machine.progress(name="job-a")
    machine.relay_due_slots()
    machine.finish(name="job-a", phase=Phase.COMPLETED)
    for _ in ("progress", "terminal event"):
        machine.send_due_deliveries(number=0, newest_first=False)
        machine.answer_one(machine.sending.pop(), 429, "999999")
        machine.relay_due_slots()
    machine.teardown()
    states = [each.state for each in machine.deliveries.deliveries.values()]
    assert states == [DeliveryState.DROPPED, DeliveryState.DELIVERED]
