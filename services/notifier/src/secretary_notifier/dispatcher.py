"""The notifier's heart: looks for what is due, starts attempts, and knows when to look again.

It looks at once while a look finds more than it can take in, when a doorbell rings and when the
next slot or delivery is due; else after ``poll_interval_sec``, which alone is enough to lose
nothing.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Collection
from datetime import datetime, timedelta

from secretary_common.errors import StoreUnavailable
from secretary_common.models import DueDelivery, Lane
from secretary_common.ports import DeliveryQueue
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.log import get_logger
from secretary_notifier.alarm import Alarm
from secretary_notifier.courier import RECORD_LINGER_SEC, Courier
from secretary_notifier.fair_queue import FairQueue
from secretary_notifier.relay import Relay
from secretary_notifier.verdict import Answer, Verdict

log = get_logger(__name__)

DUE_AT_ONCE = 256
LANES_AT_ONCE = 256
STORE_RETRY_SEC = 1.0


class Dispatcher:
    """Runs attempts side by side, as many as the queue lets start."""

    def __init__(
        self,
        relay: Relay,
        deliveries: DeliveryQueue,
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
        self._poll_interval_sec = poll_interval_sec
        self._alarm = Alarm(clock, poll_interval_sec)
        self._followers: GroupCommit[str, DueDelivery | None] = GroupCommit(
            self._followers_of, linger_sec=RECORD_LINGER_SEC
        )
        self._tasks: set[asyncio.Task[None]] = set()
        # What is left alone, until when: its job has another in flight, or we lack the key.
        self._blocked: dict[str, datetime] = {}
        self._more_in_store = False
        self._stopping = False

    @property
    def in_flight(self) -> int:
        """How many deliveries are being worked on."""
        return len(self._tasks)

    async def run(self) -> None:
        """Look and send until ``stop`` is called."""
        reachable = True
        while not self._stopping:
            try:
                at_once = await self._look()
                reachable = True
            except StoreUnavailable as error:
                if reachable:
                    log.warning("store.unreachable", reason=str(error.__cause__ or error)[:300])
                reachable = False
                await asyncio.sleep(STORE_RETRY_SEC)
                continue
            if not at_once:
                await self._alarm.wait()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping = True
        self._alarm.ring()

    async def drain(self, timeout_sec: float) -> None:
        """Wait for the attempts in flight, at most *timeout_sec*; leases end what is left."""
        if self._tasks:
            log.info("notifier.draining", in_flight=len(self._tasks))
            _, late = await asyncio.wait(self._tasks, timeout=timeout_sec)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def hear(self, job_id: str) -> None:
        """A doorbell: relay the job's slot; returns once the delivery is stored.

        Raises:
            StoreUnavailable: it may be rung again.
        """
        heard = await self._relay.hear(job_id)
        if heard.due is not None:
            self._offer([heard.due])
        self._alarm.ring_at(heard.look_at)

    async def _look(self) -> bool:
        """Take in what is due; returns whether to look again at once."""
        self._more_in_store = False
        fresh, more_slots = await self._relay.relay_due()
        self._offer(fresh)
        now = self._clock.now()
        self._blocked = {key: until for key, until in self._blocked.items() if until > now}
        lanes = await self._deliveries.waiting_lanes()
        due_lanes = [lane for lane, at in lanes.items() if at <= now]
        wanted = sorted(
            (lane for lane in due_lanes if self._queue.wants(lane, now)), key=lanes.__getitem__
        )[:LANES_AT_ONCE]
        found = await self._deliveries.due(wanted, now, DUE_AT_ONCE) if wanted else []
        taken = self._offer(found)
        at_limit = len(found) >= DUE_AT_ONCE
        if at_limit or len(wanted) < len(due_lanes):
            self._more_in_store = True
        await self._set_alarm(lanes, due_lanes, now)
        return more_slots or (at_limit and taken)

    async def _set_alarm(
        self, lanes: dict[Lane, datetime], due_lanes: Collection[Lane], now: datetime
    ) -> None:
        self._alarm.ring_at(await self._relay.next_at(now))
        self._alarm.ring_at(min((at for at in lanes.values() if at > now), default=None))
        if due_lanes:
            self._alarm.ring_at(await self._deliveries.next_due_at(due_lanes, now))
        for moment in self._queue.open_breakers(now)[:1]:
            self._alarm.ring_at(moment)

    def _offer(self, found: Collection[DueDelivery]) -> bool:
        """Have what was found sent as soon as may be; whether any of it was new."""
        now = self._clock.now()
        taken = False
        for due in found:
            if due.delivery_id in self._blocked:
                continue
            if self._queue.offer(due):
                taken = True
            elif not self._queue.wants(due.lane, now):  # it stays in the store until there is room
                self._more_in_store = True
        self._start()
        return taken

    def _start(self) -> None:
        while not self._stopping and (due := self._queue.take(self._clock.now())):
            task = asyncio.create_task(self._send(due))
            self._tasks.add(task)
            task.add_done_callback(functools.partial(self._ended, due))

    async def _send(self, due: DueDelivery) -> None:
        verdict = await self._courier.deliver(due, functools.partial(self._judged, due))
        now = self._clock.now()
        if verdict is None:
            self._blocked[due.delivery_id] = now + timedelta(seconds=self._poll_interval_sec)
            return
        if verdict.is_for_others and verdict.next_attempt_at:
            later = timedelta(seconds=self._poll_interval_sec)
            self._blocked[due.delivery_id] = verdict.next_attempt_at + later
        else:
            self._alarm.ring_at(verdict.next_attempt_at)
        following = await self._followers.submit(due.job_id)
        if following is not None and following.delivery_id != due.delivery_id:
            self._blocked.pop(following.delivery_id, None)
            self._offer([following])

    async def _followers_of(self, job_ids: list[str]) -> list[DueDelivery | None]:
        found = await self._deliveries.due_of_jobs(set(job_ids), self._clock.now())
        return [found.get(job_id) for job_id in job_ids]

    def _judged(self, due: DueDelivery, answer: Answer | None, verdict: Verdict) -> None:
        """The receiver is free for the next one; the outcome is being recorded."""
        shut = self._queue.shut_until(due.origin)
        self._queue.sent(
            due,
            self._clock.now(),
            failed=answer.origin_failed if answer else None,
            took_sec=answer.duration_ms / 1000 if answer else None,
        )
        self._tell_of_breaker(due.origin, shut)
        if answer is None and not verdict.is_final:
            self._queue.stalled(due.origin)
        self._refill(due)

    def _tell_of_breaker(self, origin: str, before: datetime | None) -> None:
        until = self._queue.shut_until(origin)
        if until is None and before is not None:
            log.info("breaker.closed", origin=origin)
        elif until is not None and until != before:
            log.warning("breaker.opened", origin=origin, until=until.isoformat())

    def _ended(self, due: DueDelivery, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._queue.done(due, self._clock.now())
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreUnavailable):
            log.warning("delivery.postponed", delivery_id=due.delivery_id)
        elif error is not None:  # its lease will end, and another look finds it
            log.error("delivery.crashed", exc=error, delivery_id=due.delivery_id)
        self._refill(due)

    def _refill(self, due: DueDelivery) -> None:
        if self._more_in_store and self._queue.is_hungry(due.origin):
            self._alarm.ring()
        self._start()
