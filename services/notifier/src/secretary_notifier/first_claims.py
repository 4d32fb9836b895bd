"""Stores new deliveries, and claims in the same write those that may be sent at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from secretary_common.errors import NotStorable, StoreUnavailable
from secretary_common.models import Delivery, DeliveryState, DueDelivery, Lease, Obstacles
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

    If the answer of the store is lost, the relay repeats the call with what it then reads from the
    job. A body may differ by then, for example in ``occurred_at`` if a worker also repeated its
    write. So a delivery that the earlier call claimed is sent as it is stored.

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
        leases, repeated = self._take(deliveries)
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
        held: dict[str, Delivery] = {}
        try:
            outcomes = await self._deliveries.insert_claimed(deliveries, leases)
            pairs = zip(deliveries, outcomes, strict=True)
            won = [one.delivery_id for one, outcome in pairs if outcome is True]
            held = await self._as_stored({name: claims[name] for name in won}, repeated)
        except StoreUnavailable:
            self._in_doubt |= leases
            raise
        finally:
            for name, one in claims.items():
                if name in held:
                    self._send(held[name], checks.get(name))
                else:
                    self._free_slot(one.to_due())
                    if name in checks:
                        checks[name].cancel()
        for _ in range(TURNS_OF_REQUESTS if held else 0):
            await asyncio.sleep(0)
        return outcomes

    async def _as_stored(
        self, claims: Mapping[str, Delivery], repeated: Collection[str]
    ) -> dict[str, Delivery]:
        """Return *claims* with those that were *repeated* as the store has them."""
        held = dict(claims)
        for name in claims.keys() & repeated:
            stored = await self._deliveries.get(name)
            if stored and _token_of(stored) == _token_of(claims[name]):
                held[name] = stored
            else:
                del held[name]
        return held

    def _begin_check(self, claim: Delivery) -> Check:
        check = asyncio.ensure_future(self._check(claim))
        check.add_done_callback(lambda done: done.cancelled() or done.exception())  # as retrieved
        return check

    def _take(self, deliveries: Sequence[Delivery]) -> tuple[dict[str, Lease], set[str]]:
        """Return the leases of the claims to make, and which of these are repeated."""
        now, lease = self._clock.now(), self._new_lease()
        in_doubt = {name: one for name, one in self._in_doubt.items() if one.expires_at > now}
        leases = {
            one.delivery_id: in_doubt.pop(one.delivery_id, lease)
            for one in deliveries
            if one.next_attempt_at and one.next_attempt_at <= now and self._take_slot(one.to_due())
        }
        repeated = leases.keys() & (self._in_doubt.keys() - in_doubt.keys())
        self._in_doubt = in_doubt
        return leases, repeated


def _token_of(delivery: Delivery) -> str | None:
    """Return the token under which *delivery* is being sent; None if it is not being sent."""
    is_sent = delivery.state is DeliveryState.SENDING
    return delivery.lease.token if is_sent and delivery.lease else None
