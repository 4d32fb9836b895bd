"""The in-memory repository of deliveries: the queue for notifiers over the storage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from secretary_common.models import (
    MOST_DELIVERY_ATTEMPTS,
    Delivery,
    DeliveryRecord,
    DueDelivery,
    Lane,
    Lease,
    Obstacles,
)
from secretary_common.models.states import DeliveryState
from secretary_common.ports import EndpointRepository
from secretary_common.testing.deliveries.storage import WAITING, InMemoryDeliveryStorage


class InMemoryDeliveryRepository(InMemoryDeliveryStorage):
    """Deliveries in a dictionary (``ports.DeliveryRepository``)."""

    def __init__(self, endpoints: EndpointRepository | None = None) -> None:
        super().__init__()
        self._endpoints = endpoints
        self._recorded: dict[str, str] = {}

    async def waiting_lanes(self) -> dict[Lane, datetime]:
        lanes: dict[Lane, datetime] = {}
        for lane, at, _ in self._waiting():
            lanes[lane] = min(at, lanes.get(lane, at))
        return lanes

    async def due(self, lanes: Collection[Lane], now: datetime, limit: int) -> list[DueDelivery]:
        found = [(at, each) for lane, at, each in self._waiting() if lane in lanes and at <= now]
        found.sort(key=lambda pair: pair[0])
        dues = [each.to_due() for _, each in found]
        first_tries, retries = (
            [due for due in dues if bool(due.tries) is r] for r in (False, True)
        )
        return [*first_tries[:limit], *retries[:limit]]

    async def next_due_at(self, lanes: Collection[Lane], now: datetime) -> datetime | None:
        later = (at for lane, at, _ in self._waiting() if lane in lanes and at > now)
        return min(later, default=None)

    async def due_of_jobs(
        self, order_keys: Collection[str], now: datetime
    ) -> dict[str, DueDelivery]:
        return {
            key: due[-1].to_due()
            for key in order_keys
            if (due := [each for each in self._under(key) if _is_due(each, now)])
        }

    async def claim(
        self, delivery_ids: Sequence[str], lease: Lease, now: datetime
    ) -> list[Delivery | None]:
        claimed = [self._claim(delivery_id, lease, now) for delivery_id in delivery_ids]
        ids = {each.endpoint_id for each in claimed if each and each.endpoint_id}
        known = await self._endpoints.many(ids) if ids and self._endpoints else {}
        return [
            each.with_current(known.get(each.endpoint_id), now)
            if each and each.endpoint_id and self._endpoints
            else each
            for each in claimed
        ]

    def _claim(self, delivery_id: str, lease: Lease, now: datetime) -> Delivery | None:
        delivery = self.deliveries.get(delivery_id)
        if delivery and delivery.lease and delivery.lease.token == lease.token:
            return delivery
        if delivery is None or delivery.state not in WAITING or not _is_due(delivery, now):
            return None
        siblings = (each for each in self.deliveries.values() if each is not delivery)
        if any(
            each.order_key == delivery.order_key and each.state is DeliveryState.SENDING
            for each in siblings
        ):
            return None
        self.deliveries[delivery_id] = claimed = delivery.claimed(lease)
        return claimed

    async def obstacles(self, deliveries: Sequence[Delivery], now: datetime) -> list[Obstacles]:
        return [
            Obstacles(
                is_overtaken=any(
                    other.seq > each.seq and not (other.seq == each.followed_by and _untried(other))
                    for other in self._under(each.order_key)
                ),
                is_muted=self.muted.get((each.owner, each.url), now) > now,
            )
            for each in deliveries
        ]

    async def drop_abandoned_progress(self, order_key: str, seq: int, now: datetime) -> bool:
        for each in self._under(order_key):
            sending = each.state is DeliveryState.SENDING and not each.is_terminal_event
            if sending and each.seq < seq and _is_due(each, now):
                self._put(each, reason="abandoned", **_ended(DeliveryState.DROPPED))
                return True
        return False

    async def record(self, records: Sequence[DeliveryRecord]) -> list[bool]:
        recorded = [self._record(record) for record in records]
        for release in (record.releases for record in records):
            waiting = self.deliveries.get(release.delivery_id) if release else None
            if release and waiting and _untried(waiting) and not _is_due(waiting, release.at):
                self._put(waiting, next_attempt_at=release.at)
        return recorded

    def _record(self, record: DeliveryRecord) -> bool:
        delivery = self.deliveries.get(record.delivery_id)
        if delivery is None or delivery.lease is None or delivery.lease.token != record.token:
            return self._recorded.get(record.delivery_id) == record.token
        self._recorded[record.delivery_id] = record.token
        new = [record.attempt] if record.attempt else []
        change = {**_ended(record.state), "next_attempt_at": record.next_attempt_at}
        self._put(
            delivery,
            attempts=[*delivery.attempts, *new][-MOST_DELIVERY_ATTEMPTS:],
            tries=delivery.tries + len(new),
            reason=record.reason,
            expires_at=record.expires_at,
            **change,
        )
        return True

    async def mute(self, owner: str, url: str, until: datetime) -> None:
        self.muted[owner, url] = max(until, self.muted.get((owner, url), until))

    async def unmute(self, owner: str, url: str) -> None:
        self.muted.pop((owner, url), None)

    async def remove_expired(self, now: datetime) -> int:
        over = [
            k for k, each in self.deliveries.items() if each.expires_at and each.expires_at <= now
        ]
        for delivery_id in over:
            del self.deliveries[delivery_id]
        return len(over)

    def _waiting(self) -> list[tuple[Lane, datetime, Delivery]]:
        return [
            (each.to_due().lane, each.next_attempt_at, each)
            for each in self.deliveries.values()
            if each.next_attempt_at
        ]


def _untried(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.PENDING and not delivery.attempts


def _ended(state: DeliveryState) -> dict[str, Any]:
    return {"state": state, "lease": None, "next_attempt_at": None}


def _is_due(delivery: Delivery, now: datetime) -> bool:
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= now
