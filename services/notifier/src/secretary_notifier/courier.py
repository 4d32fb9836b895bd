"""Makes one attempt of a delivery, from the claim to the record; ``verdict`` has the rules.

Concurrent records share a write.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import datetime
from typing import Protocol

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Delivery, DeliveryRecord, DeliveryState, DueDelivery, Obstacles
from secretary_common.observing.noticed import notice
from secretary_common.observing.trace_context import context_of
from secretary_common.observing.tracing import Kind, span
from secretary_common.operator_events.fault import FaultKind
from secretary_common.ports import DeliveryRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.runtime.log import bind, get_logger
from secretary_notifier import schedule
from secretary_notifier import verdict as rules
from secretary_notifier.attempt_log import AttemptLog
from secretary_notifier.courier_config import CourierConfig
from secretary_notifier.delivery_claims import STORE_RETRY_SEC, ClaimedDelivery, DeliveryClaims
from secretary_notifier.verdict import MUTED_FOR, Answer, DeliveryVerdict

log = get_logger(__name__)

RECORD_LINGER_SEC = 0.005
"""A record waits this long for others, because larger groups of records cost less.

Only the next event of the same job waits for a record.
"""
LOSS_NOTICED_SEC = 60.0
"""Longer than the interval in which faults are reported."""
SEND_PATIENCE_SEC = 1.0
"""A claimed delivery that waits longer for its request is given back; any notifier may claim it."""


class DeliverySender(Protocol):
    """Makes the POST of an attempt."""

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        """Send *delivery* within the deadline; never raises for a receiver's behaviour."""
        ...


OnVerdict = Callable[[Answer | None, DeliveryVerdict], None]
"""Called as soon as the receiver is free again, before the outcome is recorded."""


class Courier:
    """Claims due deliveries, sends them, and records the outcomes."""

    def __init__(
        self,
        deliveries: DeliveryRepository,
        sender: DeliverySender,
        limit: KeyedLimit,
        clock: Clock,
        config: CourierConfig,
        *,
        is_paused: Callable[[str], bool] = lambda _: False,
        is_untried: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Prepare to deliver.

        Args:
            deliveries: the deliveries in the store.
            sender: makes the requests.
            limit: how many requests may run, in all and for each origin.
            clock: the store's.
            config: the settings of attempts.
            is_paused: returns whether an origin gets no requests now; called before each request.
            is_untried: returns whether no request to an origin has ended yet.
        """
        self._is_paused = is_paused
        self._is_untried = is_untried
        self._deliveries = deliveries
        self._sender = sender
        self._limit = limit
        self._clock = clock
        self._config = config
        self._attempt_log = AttemptLog(clock)
        self.claims = DeliveryClaims(deliveries, clock, config)
        self._records: GroupCommit[DeliveryRecord, bool] = GroupCommit(
            deliveries.record, linger_sec=RECORD_LINGER_SEC, name="delivery_records"
        )

    async def deliver(
        self, due: DueDelivery, on_verdict: OnVerdict = lambda _, __: None
    ) -> DeliveryVerdict | None:
        """Make one attempt at *due*.

        Returns None if another notifier has claimed *due*, or if its job has another delivery in
        flight.

        Raises:
            StoreUnavailable: before anything was sent.
        """
        with bind(job_id=due.job_id, delivery_id=due.delivery_id):
            claimed = await self.claims.claim(due)
            return None if claimed is None else await self._carry_out(claimed, on_verdict)

    async def deliver_claimed(
        self,
        delivery: Delivery,
        on_verdict: OnVerdict = lambda _, __: None,
        check: Awaitable[Obstacles] | None = None,
    ) -> DeliveryVerdict:
        """Make one attempt at *delivery*, which was stored under a lease of this notifier.

        *check* is a call of ``claims.obstacles_of`` that is under way; None: there is none.

        Raises:
            StoreUnavailable: before anything was sent.
        """
        if delivery.lease is None:
            raise ValueError(f"{delivery.delivery_id} has no lease")
        since = asyncio.get_running_loop().time()
        with bind(job_id=delivery.job_id, delivery_id=delivery.delivery_id):
            obstacles = await (check or self.claims.obstacles_of(delivery))
            claimed = ClaimedDelivery(delivery, delivery.lease, obstacles, since)
            return await self._carry_out(claimed, on_verdict)

    async def _carry_out(self, claimed: ClaimedDelivery, on_verdict: OnVerdict) -> DeliveryVerdict:
        trace = context_of(claimed.delivery.trace)
        with bind(trace_id=trace.trace) if trace else nullcontext():
            answer, verdict = await self._attempt(claimed)
            on_verdict(answer, verdict)
            await self._record(claimed, answer, verdict)
        return verdict

    async def _attempt(self, claimed: ClaimedDelivery) -> tuple[Answer | None, DeliveryVerdict]:
        delivery = claimed.delivery
        verdict = rules.decide_before_sending(delivery, claimed.obstacles, self._clock.now())
        if verdict is not None:
            return None, verdict
        permit = self._limit.permit(delivery.origin, patience_sec=SEND_PATIENCE_SEC)
        async with permit as may_send:
            at = self._clock.now()
            timeout_sec = self._remaining_sec(claimed)
            if not may_send or timeout_sec <= 0 or self._is_paused(delivery.origin):
                return None, rules.decide_without_attempt(at)
            if self.claims.is_too_late_to_send(claimed.lease):
                log.warning("delivery.stalled")  # the lease might expire during the attempt
                return None, rules.decide_without_attempt(at)
            with span(
                f"deliver {delivery.phase.value}",
                parent=context_of(delivery.trace),
                kind=Kind.CLIENT,
                delivery_id=delivery.delivery_id,
            ) as traced:
                answer = await self._sender.send(delivery, at, timeout_sec)
                traced.note(status_code=answer.status_code, error=answer.error_class)
        return answer, self._decide(delivery, answer)

    def _decide(self, delivery: Delivery, answer: Answer) -> DeliveryVerdict:
        now = self._clock.now()
        if answer.lacks_key:
            return rules.decide_without_key(delivery, now, self._config.poll_interval_sec)
        if answer.in_shortage:
            return rules.decide_in_shortage(answer, now, self._config.poll_interval_sec)
        jitter = random.random()  # noqa: S311 - spreads retries
        return rules.decide(delivery, answer, now, self._config.retry_schedule_sec, jitter)

    def _remaining_sec(self, claimed: ClaimedDelivery) -> float:
        """Return the deadline of the request.

        For a progress, the time since its claim counts too, because the end of its job waits for
        the progress.
        """
        timeout_sec = self._config.timeout_of(claimed.delivery, self._is_untried)
        if claimed.delivery.is_terminal_event:
            return timeout_sec
        waited_sec = asyncio.get_running_loop().time() - claimed.since
        return timeout_sec - waited_sec

    async def _record(
        self, claimed: ClaimedDelivery, answer: Answer | None, verdict: DeliveryVerdict
    ) -> None:
        self._attempt_log.log_outcome(claimed.delivery, answer, verdict)
        _notice_loss(claimed.delivery, verdict)
        record = self._record_of(claimed, answer, verdict)
        while True:
            try:
                await self._update_mute(claimed.delivery, verdict)
                recorded = await self._records.submit(record)
            except StoreUnavailable:
                if self._clock.now() >= claimed.lease.expires_at:
                    log.warning("delivery.outcome_unrecorded")  # a notifier sends it again
                    return
                await asyncio.sleep(STORE_RETRY_SEC)
            else:
                if not recorded:
                    log.warning("delivery.lease_lost")
                return

    async def _update_mute(self, delivery: Delivery, verdict: DeliveryVerdict) -> None:
        if verdict.mutes:
            until = self._clock.now() + MUTED_FOR
            await self._deliveries.mute(delivery.owner, delivery.url, until)
        elif verdict.state is DeliveryState.DELIVERED and delivery.resent_at is not None:
            await self._deliveries.unmute(delivery.owner, delivery.url)

    def _record_of(
        self, claimed: ClaimedDelivery, answer: Answer | None, verdict: DeliveryVerdict
    ) -> DeliveryRecord:
        expires = verdict.state is DeliveryState.DEAD or (
            verdict.is_final and not claimed.delivery.has_job
        )
        return DeliveryRecord(
            claimed.delivery.delivery_id,
            claimed.lease.token,
            verdict.state,
            attempt=answer.to_attempt() if answer and answer.is_attempt else None,
            next_attempt_at=verdict.next_attempt_at,
            reason=verdict.reason,
            expires_at=self._clock.now() + self._config.replayable_for if expires else None,
            releases=schedule.release_after(
                claimed.delivery,
                self._clock.now(),
                self._config.retry_schedule_sec,
                was_tried=verdict.is_final or (answer is not None and answer.is_attempt),
            ),
        )


def _notice_loss(delivery: Delivery, verdict: DeliveryVerdict) -> None:
    """Notice a lost webhook of a job for the operators."""
    if verdict.state is not DeliveryState.DEAD or not delivery.has_job:
        return
    receiver = delivery.origin
    notice(FaultKind.DELIVERY_DEAD, receiver, keep_sec=LOSS_NOTICED_SEC, reason=verdict.reason)
    if verdict.mutes:
        notice(FaultKind.RECEIVER_DISABLED, receiver, keep_sec=LOSS_NOTICED_SEC)
