"""Claims due deliveries for the courier, and checks what speaks against sending them.

Concurrent claims share a write and the reads after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from secretary_common.errors import StoreUnavailable
from secretary_common.models import Delivery, DueDelivery, Lease, Obstacles, new_token
from secretary_common.ports import DeliveryRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.group_commit import GroupCommit
from secretary_notifier.courier_config import CourierConfig

T = TypeVar("T")

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

    def __init__(self, deliveries: DeliveryRepository, clock: Clock, config: CourierConfig) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._config = config
        self._claims: GroupCommit[str, ClaimedDelivery | None] = GroupCommit(
            self._claim_all, name="delivery_claims"
        )
        self._checks: GroupCommit[Delivery, Obstacles] = GroupCommit(
            self._obstacles_of, name="delivery_checks"
        )
        self._new_ends: GroupCommit[Delivery, Obstacles] = GroupCommit(
            self._obstacles_of_new_ends, name="new_delivery_checks"
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

    async def obstacles_of_new_end(self, delivery: Delivery) -> Obstacles:
        """Return what speaks against sending the end of a job, which is being stored as claimed.

        Of a job's own webhook, no later event exists then (``FirstClaims``), so the store is not
        asked for one. It is asked for those of endpoints: a client can change which events an
        endpoint gets, so the API may have stored no end for it.

        Raises:
            StoreUnavailable: the store did not answer until it was too late to send.
        """
        checks = self._new_ends if delivery.endpoint_id is None else self._checks
        return await checks.submit(delivery)

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
        read = self._deliveries.obstacles
        return await self._read_in_time(held, lambda: read(held, self._clock.now()))

    async def _obstacles_of_new_ends(self, held: list[Delivery]) -> list[Obstacles]:
        read = self._deliveries.muted_until
        muted = await self._read_in_time(held, lambda: read(held, self._clock.now()))
        return [Obstacles(is_overtaken=False, is_muted=until is not None) for until in muted]

    async def _read_in_time(
        self, held: list[Delivery], read: Callable[[], Awaitable[list[T]]]
    ) -> list[T]:
        """Return the result of *read*, repeated while there is time to send the deliveries *held*.

        Raises:
            StoreUnavailable: the store did not answer until it was too late to send.
        """
        while True:
            try:
                return await read()
            except StoreUnavailable:
                if any(each.lease and self.is_too_late_to_send(each.lease) for each in held):
                    raise
                await asyncio.sleep(STORE_RETRY_SEC)
