"""One attempt from the claim to its record: the effects around the rules of ``delivery``."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from secretary_common.clock import Clock
from secretary_common.errors import StaleClaim, StoreUnavailable
from secretary_common.log import bind, get_logger
from secretary_common.metric import DELIVERIES_ATTEMPTED, DELIVERY_SECONDS
from secretary_common.models import Delivery, DueDelivery, Lease, new_token, parse_delivery_id
from secretary_common.ports import DeliveryRepository
from secretary_notifier import delivery as rules
from secretary_notifier.delivery import Answer, Verdict
from secretary_notifier.schedule import is_too_old

log = get_logger(__name__)

LEASE_MARGIN_SEC = 10.0
"""A lease outlasts an attempt's deadline by this, for the reads before and the record after it."""
STORE_RETRY_SEC = 1.0


class Sends(Protocol):
    """What makes the POST."""

    async def send(self, delivery: Delivery, at: datetime) -> Answer:
        """Try to send *delivery* within the deadline; never raises for what a receiver does."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How deliveries are attempted."""

    owner: str
    """This notifier, anew at each boot."""
    timeout_sec: float
    retry_schedule_sec: Sequence[float]

    @property
    def lease_sec(self) -> float:
        """How long a claim holds."""
        return self.timeout_sec + LEASE_MARGIN_SEC


class Courier:
    """Takes due deliveries, sends them, and writes down what came of it."""

    def __init__(
        self, deliveries: DeliveryRepository, sender: Sends, clock: Clock, terms: Terms
    ) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._clock = clock
        self._terms = terms

    async def deliver(self, due: DueDelivery) -> Verdict | None:
        """Make one attempt at *due*; None if somebody else has it, or its job is busy.

        Raises:
            StoreUnavailable: before anything was sent.
        """
        with bind(job_id=due.job_id, delivery_id=due.delivery_id):
            delivery = await self._claim(due)
            if delivery is None or delivery.lease is None:
                return None
            answer, verdict = await self._attempt(delivery, delivery.lease)
            await self._record(delivery, delivery.lease, answer, verdict)
            return verdict

    async def _claim(self, due: DueDelivery) -> Delivery | None:
        delivery = await self._try_claim(due)
        if delivery is not None or not due.is_terminal_event:
            return delivery
        # Behind a progress whose sender died: a terminal event waits at most for that lease.
        _, seq = parse_delivery_id(due.delivery_id)
        if await self._deliveries.drop_abandoned_progress(due.job_id, seq, self._clock.now()):
            return await self._try_claim(due)
        return None

    async def _try_claim(self, due: DueDelivery) -> Delivery | None:
        now = self._clock.now()
        expires_at = now + timedelta(seconds=self._terms.lease_sec)
        lease = Lease(owner=self._terms.owner, token=new_token(), expires_at=expires_at)
        return await self._deliveries.claim(due.delivery_id, lease, now)

    async def _attempt(self, delivery: Delivery, lease: Lease) -> tuple[Answer | None, Verdict]:
        if is_too_old(delivery.created_at, self._clock.now()):
            return None, rules.too_old()
        # The claim holds back every other event of the job, so nothing newer is sent from here on.
        if await self._deliveries.higher_seq_exists(delivery.job_id, delivery.seq):
            return None, rules.overtaken(delivery)
        at = self._clock.now()
        if at + timedelta(seconds=self._terms.timeout_sec) > lease.expires_at:
            log.warning("delivery.stalled")  # the lease might end in the middle of the attempt
            return None, rules.put_back(at)
        answer = await self._sender.send(delivery, at)
        return answer, rules.decide(
            delivery,
            answer,
            self._clock.now(),
            self._terms.retry_schedule_sec,
            random.random(),  # noqa: S311 - spreads retries
        )

    async def _record(
        self, delivery: Delivery, lease: Lease, answer: Answer | None, verdict: Verdict
    ) -> None:
        _log_outcome(delivery, answer, verdict)
        attempt = answer.to_attempt() if answer else None
        while True:
            try:
                await self._deliveries.record(
                    delivery.delivery_id,
                    lease.token,
                    verdict.state,
                    attempt=attempt,
                    next_attempt_at=verdict.next_attempt_at,
                    reason=verdict.reason,
                )
            except StoreUnavailable:
                if self._clock.now() >= lease.expires_at:
                    log.warning("delivery.outcome_unrecorded")  # somebody sends it again
                    return
                await asyncio.sleep(STORE_RETRY_SEC)
            except StaleClaim:  # or a repeat after an answer that was lost
                log.warning("delivery.lease_lost")
                return
            else:
                return


def _log_outcome(delivery: Delivery, answer: Answer | None, verdict: Verdict) -> None:
    if answer is None:
        log.info("delivery.not_sent", state=verdict.state.value, reason=verdict.reason)
        return
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
        error=answer.error and answer.error.partition(":")[0],
        next_attempt_at=verdict.next_attempt_at,
    )
