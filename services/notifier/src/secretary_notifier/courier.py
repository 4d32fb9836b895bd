"""Makes one attempt of a delivery, from the claim to the record; ``verdict`` has the rules.

Concurrent claims share a write and the reads after it. Concurrent records share a write.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    Delivery,
    DeliveryRecord,
    DeliveryState,
    DueDelivery,
    Lease,
    Obstacles,
    new_token,
)
from secretary_common.observing.tracing import Kind, context_of, span
from secretary_common.ports import DeliveryQueue
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.keyed_limit import KeyedLimit
from secretary_common.runtime.log import bind, get_logger
from secretary_notifier import schedule
from secretary_notifier import verdict as rules
from secretary_notifier.attempt_log import AttemptLog
from secretary_notifier.courier_config import CourierConfig
from secretary_notifier.verdict import MUTED_FOR, Answer, DeliveryVerdict

log = get_logger(__name__)

STORE_RETRY_SEC = 1.0
RECORD_LINGER_SEC = 0.005
"""A record waits this long for others, because larger groups of records cost less.

Only the next event of the same job waits for a record.
"""
SEND_PATIENCE_SEC = 1.0
"""A claimed delivery that waits longer for its request is given back; any notifier may claim it."""


class DeliverySender(Protocol):
    """Makes the POST of an attempt."""

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        """Send *delivery* within the deadline; never raises for a receiver's behaviour."""
        ...


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A delivery that this notifier has claimed."""

    delivery: Delivery
    lease: Lease
    obstacles: Obstacles
    since: float
    """When it was claimed, on the loop's clock."""


OnVerdict = Callable[[Answer | None, DeliveryVerdict], None]
"""Called as soon as the receiver is free again, before the outcome is recorded."""


class Courier:
    """Claims due deliveries, sends them, and records the outcomes."""

    def __init__(
        self,
        deliveries: DeliveryQueue,
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
            deliveries: the queue in the store.
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
        self._claims: GroupCommit[str, _Claimed | None] = GroupCommit(
            self._claim_all, name="delivery_claims"
        )
        self._checks: GroupCommit[Delivery, Obstacles] = GroupCommit(
            self._obstacles_of, name="delivery_checks"
        )
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
            claimed = await self._claim(due)
            return None if claimed is None else await self._carry_out(claimed, on_verdict)

    async def deliver_claimed(
        self,
        delivery: Delivery,
        on_verdict: OnVerdict = lambda _, __: None,
        check: Awaitable[Obstacles] | None = None,
    ) -> DeliveryVerdict:
        """Make one attempt at *delivery*, which was stored under a lease of this notifier.

        *check* is a call of ``obstacles_of`` that is under way; None: there is none.

        Raises:
            StoreUnavailable: before anything was sent.
        """
        if delivery.lease is None:
            raise ValueError(f"{delivery.delivery_id} has no lease")
        since = asyncio.get_running_loop().time()
        with bind(job_id=delivery.job_id, delivery_id=delivery.delivery_id):
            obstacles = await (check or self.obstacles_of(delivery))
            claimed = _Claimed(delivery, delivery.lease, obstacles, since)
            return await self._carry_out(claimed, on_verdict)

    async def obstacles_of(self, delivery: Delivery) -> Obstacles:
        """Return what speaks against sending *delivery*, which this notifier claims.

        Raises:
            StoreUnavailable: the store did not answer until it was too late to send.
        """
        return await self._checks.submit(delivery)

    def new_lease(self) -> Lease:
        """Return a lease of this notifier, which lasts from now on."""
        expires_at = self._clock.now() + timedelta(seconds=self._config.lease_sec)
        return Lease(owner=self._config.owner, token=new_token(), expires_at=expires_at)

    async def _carry_out(self, claimed: _Claimed, on_verdict: OnVerdict) -> DeliveryVerdict:
        trace = context_of(claimed.delivery.trace)
        with bind(trace_id=trace.trace) if trace else nullcontext():
            answer, verdict = await self._attempt(claimed)
            on_verdict(answer, verdict)
            await self._record(claimed, answer, verdict)
        return verdict

    async def _claim(self, due: DueDelivery) -> _Claimed | None:
        claimed = await self._claims.submit(due.delivery_id)
        if claimed is not None or not due.is_terminal_event:
            return claimed
        # A progress whose notifier died may be in the way. Once its lease has expired it is
        # dropped, so a terminal event waits for this lease at most.
        if await self._deliveries.drop_abandoned_progress(
            due.order_key, due.seq, self._clock.now()
        ):
            return await self._claims.submit(due.delivery_id)
        return None

    async def _claim_all(self, delivery_ids: list[str]) -> list[_Claimed | None]:
        now, since = self._clock.now(), asyncio.get_running_loop().time()
        lease = self.new_lease()
        while True:
            try:
                return await self._claim_under(lease, delivery_ids, now, since)
            except StoreUnavailable:
                # MongoDB may have made the claims. A repeat under the same lease finds them.
                if self._too_late_to_send(lease):
                    raise
                await asyncio.sleep(STORE_RETRY_SEC)

    def _too_late_to_send(self, lease: Lease) -> bool:
        """Return whether *lease* might expire during an attempt that starts now."""
        ends_by = self._clock.now() + timedelta(seconds=self._config.timeout_sec)
        return ends_by > lease.expires_at

    async def _claim_under(
        self, lease: Lease, delivery_ids: list[str], now: datetime, since: float
    ) -> list[_Claimed | None]:
        found = await self._deliveries.claim(delivery_ids, lease, now)
        ours = [delivery for delivery in found if delivery]
        # Read after the claim: from the claim on, no other event of the job can be sent, so the
        # answer cannot become outdated.
        obstacles = iter(await self._deliveries.obstacles(ours, now) if ours else [])
        return [
            _Claimed(delivery, lease, next(obstacles), since) if delivery else None
            for delivery in found
        ]

    async def _obstacles_of(self, held: list[Delivery]) -> list[Obstacles]:
        while True:
            try:
                return await self._deliveries.obstacles(held, self._clock.now())
            except StoreUnavailable:
                if any(each.lease and self._too_late_to_send(each.lease) for each in held):
                    raise
                await asyncio.sleep(STORE_RETRY_SEC)

    async def _attempt(self, claimed: _Claimed) -> tuple[Answer | None, DeliveryVerdict]:
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
            if self._too_late_to_send(claimed.lease):
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

    def _remaining_sec(self, claimed: _Claimed) -> float:
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
        self, claimed: _Claimed, answer: Answer | None, verdict: DeliveryVerdict
    ) -> None:
        self._attempt_log.log_outcome(claimed.delivery, answer, verdict)
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
        self, claimed: _Claimed, answer: Answer | None, verdict: DeliveryVerdict
    ) -> DeliveryRecord:
        expires = verdict.state is DeliveryState.DEAD or (
            claimed.delivery.is_test and verdict.is_final
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
