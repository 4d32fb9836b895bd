"""Stores new deliveries, and claims in the same write those that may be sent at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from secretary_common.errors import NotStorable, StoreUnavailable
from secretary_common.models import Delivery, DueDelivery, Lease, Obstacles
from secretary_common.ports import DeliveryStorage
from secretary_common.runtime.clock import Clock

Check = asyncio.Future[Obstacles]

TURNS_OF_REQUESTS = 3
"""So many turns of the event loop send the requests of new deliveries. Then the receivers work
while this process clears the slots."""


class FirstClaims:
    """Stores new deliveries, and claims in the same write those that may be sent at once.

    So a delivery needs no second write before its first request. If the notifier dies meanwhile,
    the leases of the claimed deliveries end, as after any claim.

    Each claimed delivery is checked for obstacles. For the end of a job, the check runs at the same
    time as the write: an event of a later run exists only if a client has retried the job, and the
    API stores the end of the earlier run before that. So the delivery exists already in that case,
    and the write does not claim it. Other events are checked after the write.
    """

    def __init__(
        self,
        deliveries: DeliveryStorage,
        clock: Clock,
        *,
        new_lease: Callable[[], Lease],
        take_slot: Callable[[DueDelivery], bool],
        free_slot: Callable[[DueDelivery], object],
        check: Callable[[Delivery], Awaitable[Obstacles]],
        send: Callable[[Delivery, Check | None], object],
    ) -> None:
        """Prepare to claim.

        Args:
            deliveries: the repository for the new deliveries.
            clock: the clock of the store.
            new_lease: returns a lease of this notifier.
            take_slot: takes the slot that sending a delivery needs; False: there is none.
            free_slot: frees the slot of a delivery that was not claimed.
            check: returns the obstacles of a new end of a job, see ``DeliveryClaims``.
            send: sends a claimed delivery after its check; None: the check is still to be made.
        """
        self._deliveries = deliveries
        self._clock = clock
        self._new_lease = new_lease
        self._take_slot = take_slot
        self._free_slot = free_slot
        self._check = check
        self._send = send
        self._in_doubt: dict[str, Lease] = {}
        """The leases of claims whose answer was lost, by delivery id."""

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        """Store *deliveries*, and send those that are claimed.

        Raises:
            StoreUnavailable: some may be stored and claimed. A repeat uses the same leases.
        """
        leases = self._take(deliveries)
        if not leases:
            return await self._deliveries.insert_absent(deliveries)
        claims = {
            one.delivery_id: one.claimed(leases[one.delivery_id])
            for one in deliveries
            if one.delivery_id in leases
        }
        checks = {
            name: self._begin_check(one) for name, one in claims.items() if one.is_terminal_event
        }
        held: set[str] = set()
        try:
            outcomes = await self._deliveries.insert_claimed(deliveries, leases)
            claimed = zip(deliveries, outcomes, strict=True)
            held = {one.delivery_id for one, outcome in claimed if outcome is True}
        except StoreUnavailable:
            self._in_doubt |= leases
            raise
        finally:
            for name, one in claims.items():
                if name in held:
                    self._send(one, checks.get(name))
                else:
                    self._free_slot(one.to_due())
                    if name in checks:
                        checks[name].cancel()
        for _ in range(TURNS_OF_REQUESTS if held else 0):
            await asyncio.sleep(0)
        return outcomes

    def _begin_check(self, claim: Delivery) -> Check:
        check = asyncio.ensure_future(self._check(claim))
        check.add_done_callback(lambda done: done.cancelled() or done.exception())  # as retrieved
        return check

    def _take(self, deliveries: Sequence[Delivery]) -> dict[str, Lease]:
        now, lease = self._clock.now(), self._new_lease()
        in_doubt = {name: one for name, one in self._in_doubt.items() if one.expires_at > now}
        leases = {
            one.delivery_id: in_doubt.pop(one.delivery_id, lease)
            for one in deliveries
            if one.next_attempt_at and one.next_attempt_at <= now and self._take_slot(one.to_due())
        }
        self._in_doubt = in_doubt
        return leases
