"""The main loop of the notifier: it finds due deliveries and starts their attempts.

The loop reads the store in rounds. The next round starts at once if the last one left more to read,
and when the next slot or delivery is due; otherwise after ``poll_interval_sec``. These rounds alone
are enough to lose no event. Between the rounds, the doorbells of a moment relay the due slots.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Delivery, DueDelivery, ReceiverState
from secretary_common.observing.noticed import forget, notice
from secretary_common.operator_events.fault import FaultKind
from secretary_common.ports import DeliveryRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.lifecycle import wait_for_event
from secretary_common.runtime.log import get_logger
from secretary_common.runtime.resilient_loop import resilient_loop
from secretary_notifier.courier import RECORD_LINGER_SEC, Courier
from secretary_notifier.dispatch_plan import DUE_AT_ONCE, DispatchPlan, LaneChoice
from secretary_notifier.fairness.fair_queue import FairQueue
from secretary_notifier.first_claims import Check, FirstClaims
from secretary_notifier.relay import Relay
from secretary_notifier.verdict import Answer, DeliveryVerdict

log = get_logger(__name__)

RECEIVERS_REPORTED = 200
UNPROBED_SEC = 120.0
"""A receiver counts as failing for this long after the time of its probe."""

Attempt = Callable[[], Awaitable[DeliveryVerdict | None]]


class _WakeUp:
    """A wait that other code can end early: at once, or at a given time."""

    def __init__(self, clock: Clock, longest_wait_sec: float) -> None:
        self._clock = clock
        self._longest_wait_sec = longest_wait_sec
        self._event = asyncio.Event()

    def now(self) -> None:
        """End the wait now."""
        self._event.set()

    def at(self, moment: datetime | None) -> None:
        """End the wait at *moment*; ignored for None, and if the longest wait ends earlier."""
        if moment is None:
            return
        seconds = (moment - self._clock.now()).total_seconds()
        if seconds <= 0:
            self.now()
        elif seconds <= self._longest_wait_sec:
            asyncio.get_running_loop().call_later(seconds, self._event.set)

    async def wait(self) -> None:
        """Wait until another call ends the wait, at most the longest wait."""
        try:
            await wait_for_event(self._event, self._longest_wait_sec)
        finally:
            self._event.clear()


class Dispatcher:
    """Runs attempts concurrently, as many as the queue allows."""

    def __init__(
        self,
        relay: Relay,
        deliveries: DeliveryRepository,
        courier: Courier,
        queue: FairQueue,
        clock: Clock,
        *,
        poll_interval_sec: float,
    ) -> None:
        self._relay = relay
        self._deliveries = deliveries
        self._courier = courier
        self._queue = queue
        self._clock = clock
        self._plan = DispatchPlan(queue, poll_interval_sec=poll_interval_sec)
        self._wake_up = _WakeUp(clock, poll_interval_sec)
        self._successors: GroupCommit[str, DueDelivery | None] = GroupCommit(
            self._successors_of, linger_sec=RECORD_LINGER_SEC
        )
        self._rings: GroupCommit[str, None] = GroupCommit(self._answer_rings)
        self._first_claims = FirstClaims(
            deliveries,
            clock,
            new_lease=courier.claims.new_lease,
            take_slot=self._take_new,
            free_slot=lambda due: queue.forget(due, clock.now()),
            check=courier.claims.obstacles_of_new_end,
            send=self._send_claimed,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """The number of deliveries that are claimed, sent or recorded now."""
        return len(self._tasks)

    def receivers(self) -> list[ReceiverState]:
        """Return the state of the receivers that are busy or in trouble, for the heartbeat."""
        return self._queue.receivers(self._clock.now(), RECEIVERS_REPORTED)

    async def run(self) -> None:
        """Find and send due deliveries until ``stop`` is called."""
        await resilient_loop("dispatcher", self._run_round_and_wait, stopping=self._stopping)

    async def _run_round_and_wait(self) -> None:
        if not await self._run_round():
            await self._wake_up.wait()

    def stop(self) -> None:
        """Start no more attempts."""
        self._stopping.set()
        self._wake_up.now()

    async def drain(self, timeout_sec: float) -> None:
        """Wait at most *timeout_sec* for the attempts in flight; cancel those that still run."""
        with contextlib.suppress(TimeoutError):  # doorbells in progress may claim deliveries
            await asyncio.wait_for(self._rings.finish(), timeout_sec)
        if self._tasks:
            log.info("notifier.draining", in_flight=len(self._tasks))
            _, late = await asyncio.wait(self._tasks, timeout=timeout_sec)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def on_doorbell(self, job_id: str) -> None:
        """Relay the due slots and the slot of this job; return once the deliveries are stored.

        The doorbells of a moment share the work.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        await self._rings.submit(job_id)

    async def _answer_rings(self, job_ids: list[str]) -> list[None]:
        relayed = await self._relay.relay_due(
            set(job_ids), on_stored=self._offer, stores=self._first_claims
        )
        self._offer(relayed.found)
        self._wake_up.at(relayed.next_at)
        if relayed.more:
            self._wake_up.now()
        return [None] * len(job_ids)

    async def _run_round(self) -> bool:
        """Read due deliveries into the queue; return whether to start the next round at once."""
        self._plan.begin_round()
        relayed = await self._relay.relay_due(on_stored=self._offer, stores=self._first_claims)
        self._offer(relayed.found)
        now = self._clock.now()
        self._plan.end_waits(now)
        choice = self._plan.choose_lanes(await self._deliveries.waiting_lanes(), now)
        found: list[DueDelivery] = []
        if choice.chosen:
            found = await self._deliveries.due(choice.chosen, now, DUE_AT_ONCE)
        any_new = self._offer(found)
        reads_again = self._plan.end_round(choice, found=len(found), any_new=any_new)
        await self._schedule_wake_up(choice, now)
        return relayed.more or reads_again

    async def _schedule_wake_up(self, choice: LaneChoice, now: datetime) -> None:
        self._wake_up.at(await self._relay.next_at(now))
        self._wake_up.at(choice.next_at)
        if choice.due:
            self._wake_up.at(await self._deliveries.next_due_at(choice.due, now))
        for moment in self._queue.open_breakers(now)[:1]:
            self._wake_up.at(moment)

    def _offer(self, found: Collection[DueDelivery]) -> bool:
        """Queue deliveries and start what may start; return whether any of them was new."""
        any_new = self._plan.offer(found, self._clock.now())
        self._start()
        return any_new

    def _start(self) -> None:
        while not self._stopping.is_set() and (due := self._queue.take(self._clock.now())):
            on_verdict = functools.partial(self._on_verdict, due)
            self._begin(due, functools.partial(self._courier.deliver, due, on_verdict))

    def _take_new(self, due: DueDelivery) -> bool:
        return not self._stopping.is_set() and self._plan.take_new(due, self._clock.now())

    def _send_claimed(self, delivery: Delivery, check: Check | None) -> None:
        due = delivery.to_due()
        send, on_verdict = self._courier.deliver_claimed, functools.partial(self._on_verdict, due)
        self._begin(due, functools.partial(send, delivery, on_verdict, check))

    def _begin(self, due: DueDelivery, attempt: Attempt) -> None:
        task = asyncio.create_task(self._deliver(due, attempt))
        self._tasks.add(task)
        task.add_done_callback(functools.partial(self._ended, due))

    async def _deliver(self, due: DueDelivery, attempt: Attempt) -> None:
        verdict = await attempt()
        self._plan.note_end(due, verdict, self._clock.now())
        if verdict is None:
            return
        if not verdict.is_for_others:
            self._wake_up.at(verdict.next_attempt_at)
        if not self._plan.may_have_successor(due):
            return
        successor = await self._successors.submit(due.order_key)
        if successor is not None and successor.delivery_id != due.delivery_id:
            self._plan.resume(successor)
            self._offer([successor])

    async def _successors_of(self, order_keys: list[str]) -> list[DueDelivery | None]:
        found = await self._deliveries.due_of_jobs(set(order_keys), self._clock.now())
        return [found.get(key) for key in order_keys]

    def _on_verdict(
        self, due: DueDelivery, answer: Answer | None, verdict: DeliveryVerdict
    ) -> None:
        paused_before = self._queue.paused_until(due.origin)
        self._plan.note_answer(due, answer, verdict, self._clock.now())
        self._log_breaker(due.origin, paused_before)
        self._refill(due)

    def _log_breaker(self, origin: str, before: datetime | None) -> None:
        until = self._queue.paused_until(origin)
        if until is None and before is not None:
            log.info("breaker.closed", origin=origin)
            forget(FaultKind.RECEIVER_FAILING, origin)
        elif until is not None and until != before:
            log.warning("breaker.opened", origin=origin, until=until.isoformat())
            # Without a probe nothing is known: no webhook waits for it any more.
            keep_sec = (until - self._clock.now()).total_seconds() + UNPROBED_SEC
            notice(FaultKind.RECEIVER_FAILING, origin, keep_sec=keep_sec)

    def _ended(self, due: DueDelivery, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._queue.forget(due, self._clock.now())
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreUnavailable):
            log.warning("delivery.postponed", delivery_id=due.delivery_id)
        elif error is not None:  # its lease will expire, and a later round finds it
            log.error("delivery.crashed", exc=error, delivery_id=due.delivery_id)
        self._refill(due)

    def _refill(self, due: DueDelivery) -> None:
        if self._plan.needs_more(due.origin):
            self._wake_up.now()
        self._start()
