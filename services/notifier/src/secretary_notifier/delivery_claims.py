"""Claims due deliveries for the courier, and checks what speaks against sending them.

Concurrent claims share a write and the reads after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Delivery, DueDelivery, Lease, Obstacles, new_token
from secretary_common.ports import DeliveryQueue
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_notifier.courier_config import CourierConfig

STORE_RETRY_SEC = 1.0


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this notifier has claimed."""

    delivery: Delivery
    lease: Lease
    obstacles: Obstacles
    since: float
    """When it was claimed, on the loop's clock."""


class DeliveryClaims:
    """Claims deliveries under leases of this notifier."""

    def __init__(self, deliveries: DeliveryQueue, clock: Clock, config: CourierConfig) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._config = config
        self._claims: GroupCommit[str, ClaimedDelivery | None] = GroupCommit(
            self._claim_all, name="delivery_claims"
        )
        self._checks: GroupCommit[Delivery, Obstacles] = GroupCommit(
            self._obstacles_of, name="delivery_checks"
        )

    async def claim(self, due: DueDelivery) -> ClaimedDelivery | None:
        """Claim *due*; None if another notifier has it, or if its job has another in flight.

        Raises:
            StoreUnavailable: the store did not answer until it was too late to send.
        """
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

    def is_too_late_to_send(self, lease: Lease) -> bool:
        """Return whether *lease* might expire during an attempt that starts now."""
        ends_by = self._clock.now() + timedelta(seconds=self._config.timeout_sec)
        return ends_by > lease.expires_at

    async def _claim_all(self, delivery_ids: list[str]) -> list[ClaimedDelivery | None]:
        now, since = self._clock.now(), asyncio.get_running_loop().time()
        lease = self.new_lease()
        while True:
            try:
                return await self._claim_under(lease, delivery_ids, now, since)
            except StoreUnavailable:
                # MongoDB may have made the claims. A repeat under the same lease finds them.
                if self.is_too_late_to_send(lease):
                    raise
                await asyncio.sleep(STORE_RETRY_SEC)

    async def _claim_under(
        self, lease: Lease, delivery_ids: list[str], now: datetime, since: float
    ) -> list[ClaimedDelivery | None]:
        found = await self._deliveries.claim(delivery_ids, lease, now)
        ours = [delivery for delivery in found if delivery]
        # Read after the claim: from the claim on, no other event of the job can be sent, so the
        # answer cannot become outdated.
        obstacles = iter(await self._deliveries.obstacles(ours, now) if ours else [])
        return [
            ClaimedDelivery(delivery, lease, next(obstacles), since) if delivery else None
            for delivery in found
        ]

    async def _obstacles_of(self, held: list[Delivery]) -> list[Obstacles]:
        while True:
            try:
                return await self._deliveries.obstacles(held, self._clock.now())
            except StoreUnavailable:
                if any(each.lease and self.is_too_late_to_send(each.lease) for each in held):
                    raise
                await asyncio.sleep(STORE_RETRY_SEC)
