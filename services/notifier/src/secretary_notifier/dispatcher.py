"""The notifier's heart: looks for what is due, starts attempts, and knows when to look again.

It looks at once while a look finds more than it can take in, when a doorbell rings and when the
next slot or delivery is due; else after ``poll_interval_sec``, which alone is enough to lose
nothing.
"""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime, timedelta

from secretary_common.clock import Clock
from secretary_common.errors import StoreUnavailable
from secretary_common.log import get_logger
from secretary_common.models import DueDelivery, parse_delivery_id
from secretary_common.ports import DeliveryRepository
from secretary_notifier.attempt import Courier
from secretary_notifier.fair_queue import FairQueue
from secretary_notifier.relay import Relay

log = get_logger(__name__)

DUE_AT_ONCE = 256
STORE_RETRY_SEC = 1.0


class Alarm:
    """Ends a wait early: at once, or at a time that is not far off."""

    def __init__(self, clock: Clock, longest_wait_sec: float) -> None:
        self._clock = clock
        self._longest_wait_sec = longest_wait_sec
        self._event = asyncio.Event()

    def ring(self) -> None:
        """End the wait now."""
        self._event.set()

    def ring_at(self, moment: datetime) -> None:
        """End the wait at *moment*; later than the longest wait, a look before it will see it."""
        seconds = (moment - self._clock.now()).total_seconds()
        if seconds <= 0:
            self.ring()
        elif seconds <= self._longest_wait_sec:
            asyncio.get_running_loop().call_later(seconds, self._event.set)

    async def wait(self) -> None:
        """Wait until somebody rings, at most the longest wait."""
        try:
            async with asyncio.timeout(self._longest_wait_sec):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


class Dispatcher:
    """Runs attempts side by side, as many as the queue lets start."""

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
        self._poll_interval_sec = poll_interval_sec
        self._alarm = Alarm(clock, poll_interval_sec)
        self._tasks: set[asyncio.Task[None]] = set()
        # What could not be claimed, until when it is left alone: its job has another in flight.
        self._blocked: dict[str, datetime] = {}
        self._more_in_store = False
        self._stopping = False

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

    async def hear(self, delivery_id: str) -> None:
        """A doorbell: relay the job's slot; returns once the delivery is stored.

        Raises:
            StoreUnavailable: it may be rung again.
        """
        try:
            job_id, _ = parse_delivery_id(delivery_id)
        except ValueError:
            log.warning("doorbell.unknown_delivery", delivery_id=delivery_id[:100])
            return
        due, look_at = await self._relay.relay_job(job_id)
        if due is not None:
            self._queue.offer(due)
            self._start()
        if look_at is not None:
            self._alarm.ring_at(look_at)

    async def _look(self) -> bool:
        """Take in what is due; returns whether to look again at once."""
        fresh, more_slots = await self._relay.relay_due()
        for due in fresh:
            self._queue.offer(due)
        self._start()
        now = self._clock.now()
        full = self._queue.full_origins()
        found = await self._deliveries.due(now, DUE_AT_ONCE, except_origins=full)
        self._blocked = {key: until for key, until in self._blocked.items() if until > now}
        offered = [self._queue.offer(due) for due in found if due.delivery_id not in self._blocked]
        self._start()
        at_limit = len(found) == DUE_AT_ONCE
        self._more_in_store = at_limit or bool(full)
        await self._set_alarm(now)
        return more_slots or (at_limit and any(offered))

    async def _set_alarm(self, now: datetime) -> None:
        for moment in (
            await self._relay.next_at(now),
            await self._deliveries.next_attempt_at(now),
        ):
            if moment is not None:
                self._alarm.ring_at(moment)

    def _start(self) -> None:
        while not self._stopping and (due := self._queue.take()):
            task = asyncio.create_task(self._send(due))
            self._tasks.add(task)
            task.add_done_callback(functools.partial(self._ended, due))

    async def _send(self, due: DueDelivery) -> None:
        verdict = await self._courier.deliver(due)
        now = self._clock.now()
        if verdict is None:
            self._blocked[due.delivery_id] = now + timedelta(seconds=self._poll_interval_sec)
            return
        if verdict.next_attempt_at is not None:
            self._alarm.ring_at(verdict.next_attempt_at)
        following = await self._deliveries.due_of_job(due.job_id, now)
        if following is not None and following.delivery_id != due.delivery_id:
            self._queue.offer(following)

    def _ended(self, due: DueDelivery, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._queue.done(due)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreUnavailable):
            log.warning("delivery.postponed", delivery_id=due.delivery_id)
        elif error is not None:  # its lease will end, and another look finds it
            log.error("delivery.crashed", exc=error, delivery_id=due.delivery_id)
        if self._more_in_store and self._queue.is_hungry(due.origin):
            self._alarm.ring()
        self._start()
