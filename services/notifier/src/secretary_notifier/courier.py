"""One attempt from the claim to its record: the effects around the rules of ``delivery``.

Claims at the same time share a write and the reads after it, and so do records.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from secretary_common.errors import StoreUnavailable
from secretary_common.models import (
    Claim,
    Delivery,
    DeliveryRecord,
    DeliveryState,
    DueDelivery,
    Lease,
    Obstacles,
    new_token,
)
from secretary_common.ports import DeliveryQueue
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_common.runtime.log import bind, get_logger
from secretary_common.runtime.metrics import DELIVERIES_ATTEMPTED, DELIVERY_SECONDS
from secretary_notifier import verdict as rules
from secretary_notifier.gate import Gate
from secretary_notifier.unopened import Unopened
from secretary_notifier.verdict import MUTED_FOR, Answer, Verdict

log = get_logger(__name__)

LEASE_MARGIN_SEC = 10.0
"""A lease outlasts an attempt's deadline by this, for the reads before and the record after it."""
STORE_RETRY_SEC = 1.0
RECORD_LINGER_SEC = 0.005
"""Nobody waits for a record but the job's next event; larger groups cost less."""
GATE_PATIENCE_SEC = 1.0
"""What is claimed and cannot be sent within this is given back: others might send it."""


class Sends(Protocol):
    """What makes the POST."""

    async def send(self, delivery: Delivery, at: datetime, timeout_sec: float) -> Answer:
        """Try to send *delivery* within the deadline; never raises for what a receiver does."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How deliveries are attempted."""

    owner: str
    """This notifier, anew at each boot."""
    timeout_sec: float
    retry_schedule_sec: Sequence[float]
    poll_interval_sec: float = 5.0
    """The shortest wait of what cannot be sent for want of a key."""
    replayable_for: timedelta = timedelta(days=30)
    """How long a dead delivery is kept."""

    @property
    def lease_sec(self) -> float:
        """How long a claim holds."""
        return self.timeout_sec + LEASE_MARGIN_SEC


@dataclass(frozen=True, slots=True)
class _Held:
    """A delivery this notifier holds, and how it stands."""

    delivery: Delivery
    lease: Lease
    standing: Obstacles
    since: float
    """When it was claimed, on the loop's clock."""


OnVerdict = Callable[[Answer | None, Verdict], None]
"""Told as soon as the receiver is no longer needed, before the outcome is recorded."""


class Courier:
    """Takes due deliveries, sends them, and writes down what came of it."""

    def __init__(
        self,
        deliveries: DeliveryQueue,
        sender: Sends,
        gate: Gate,
        clock: Clock,
        terms: Terms,
        *,
        is_shut: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """*is_shut*: whether an origin is to be left alone, asked right before each send."""
        self._is_shut = is_shut
        self._deliveries = deliveries
        self._sender = sender
        self._gate = gate
        self._clock = clock
        self._terms = terms
        self._unopened = Unopened(clock)
        self._claims: GroupCommit[str, _Held | None] = GroupCommit(self._claim_all)
        self._records: GroupCommit[DeliveryRecord, bool] = GroupCommit(
            deliveries.record, linger_sec=RECORD_LINGER_SEC
        )

    async def deliver(
        self, due: DueDelivery, on_verdict: OnVerdict = lambda _, __: None
    ) -> Verdict | None:
        """Make one attempt at *due*; None if somebody else has it, or its job is busy.

        Raises:
            StoreUnavailable: before anything was sent.
        """
        with bind(job_id=due.job_id, delivery_id=due.delivery_id):
            held = await self._claim(due)
            if held is None:
                return None
            answer, verdict = await self._attempt(held)
            on_verdict(answer, verdict)
            await self._record(held, answer, verdict)
            return verdict

    async def _claim(self, due: DueDelivery) -> _Held | None:
        held = await self._claims.submit(due.delivery_id)
        if held is not None or not due.is_terminal_event:
            return held
        # Behind a progress whose sender died: a terminal event waits at most for that lease.
        if await self._deliveries.drop_abandoned_progress(due.job_id, due.seq, self._clock.now()):
            return await self._claims.submit(due.delivery_id)
        return None

    async def _claim_all(self, delivery_ids: list[str]) -> list[_Held | None]:
        now, since = self._clock.now(), asyncio.get_running_loop().time()
        expires_at = now + timedelta(seconds=self._terms.lease_sec)
        claims = [
            Claim(id_, Lease(owner=self._terms.owner, token=new_token(), expires_at=expires_at))
            for id_ in delivery_ids
        ]
        claimed = await self._deliveries.claim(claims, now)
        ours = [delivery for delivery in claimed if delivery]
        # After the claim: it holds back every other event of the job, so nothing newer is sent
        # from here on.
        obstacles = iter(await self._deliveries.obstacles(ours, now) if ours else [])
        return [
            _Held(delivery, claim.lease, next(obstacles), since) if delivery else None
            for claim, delivery in zip(claims, claimed, strict=True)
        ]

    async def _attempt(self, held: _Held) -> tuple[Answer | None, Verdict]:
        if verdict := rules.hindrance(held.delivery, held.standing, self._clock.now()):
            return None, verdict
        passing = self._gate.passing(held.delivery.origin, patience_sec=GATE_PATIENCE_SEC)
        async with passing as may_send:
            at = self._clock.now()
            deadline_sec = self._deadline(held)
            if not may_send or deadline_sec <= 0 or self._is_shut(held.delivery.origin):
                return None, rules.put_back(at)
            if at + timedelta(seconds=self._terms.timeout_sec) > held.lease.expires_at:
                log.warning("delivery.stalled")  # the lease might end in the middle of the attempt
                return None, rules.put_back(at)
            answer = await self._sender.send(held.delivery, at, deadline_sec)
        return answer, self._decide(held.delivery, answer)

    def _decide(self, delivery: Delivery, answer: Answer) -> Verdict:
        now = self._clock.now()
        if answer.is_unopened:
            return rules.hold_back(delivery, now, self._terms.poll_interval_sec)
        jitter = random.random()  # noqa: S311 - spreads retries
        return rules.decide(delivery, answer, now, self._terms.retry_schedule_sec, jitter)

    def _deadline(self, held: _Held) -> float:
        """What a progress has waited it has less to be sent: its job's end waits for it."""
        if held.delivery.is_terminal_event:
            return self._terms.timeout_sec
        waited_sec = asyncio.get_running_loop().time() - held.since
        return self._terms.timeout_sec - waited_sec

    async def _record(self, held: _Held, answer: Answer | None, verdict: Verdict) -> None:
        if answer is None or answer.is_unopened:
            log.info("delivery.not_sent", state=verdict.state.value, reason=verdict.reason)
        else:
            _log_attempt(held.delivery, answer, verdict)
        if answer is not None and answer.is_unopened:
            self._unopened.note()
        record = self._record_of(held, answer, verdict)
        while True:
            try:
                await self._follow_mute(held.delivery, verdict)
                recorded = await self._records.submit(record)
            except StoreUnavailable:
                if self._clock.now() >= held.lease.expires_at:
                    log.warning("delivery.outcome_unrecorded")  # somebody sends it again
                    return
                await asyncio.sleep(STORE_RETRY_SEC)
            else:
                if not recorded:
                    log.warning("delivery.lease_lost")
                return

    async def _follow_mute(self, delivery: Delivery, verdict: Verdict) -> None:
        if verdict.mutes:
            until = self._clock.now() + MUTED_FOR
            await self._deliveries.mute(delivery.owner, delivery.url, until)
        elif verdict.state is DeliveryState.DELIVERED and delivery.resent_at is not None:
            await self._deliveries.unmute(delivery.owner, delivery.url)

    def _record_of(self, held: _Held, answer: Answer | None, verdict: Verdict) -> DeliveryRecord:
        removes_itself = verdict.state is DeliveryState.DEAD or (
            held.delivery.is_test and verdict.is_final
        )
        return DeliveryRecord(
            held.delivery.delivery_id,
            held.lease.token,
            verdict.state,
            attempt=answer.to_attempt() if answer and not answer.is_unopened else None,
            next_attempt_at=verdict.next_attempt_at,
            reason=verdict.reason,
            expires_at=self._clock.now() + self._terms.replayable_for if removes_itself else None,
        )


def _log_attempt(delivery: Delivery, answer: Answer, verdict: Verdict) -> None:
    outcome = "delivered" if answer.is_success else "failed"
    DELIVERIES_ATTEMPTED.labels(outcome).inc()
    DELIVERY_SECONDS.observe(answer.duration_ms / 1000)
    log.info(
        "delivery.attempted",
        outcome=outcome,
        state=verdict.state.value,
        phase=delivery.phase.value,
        seq=delivery.seq,
        attempt=len(delivery.attempts) + 1,
        origin=delivery.origin,
        status_code=answer.status_code,
        duration_ms=answer.duration_ms,
        error=answer.error_class,
        next_attempt_at=verdict.next_attempt_at,
    )
