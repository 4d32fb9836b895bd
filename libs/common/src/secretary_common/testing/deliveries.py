"""The in-memory repository of deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from secretary_common.errors import NotStorable
from secretary_common.models import (
    RESENDABLE,
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    DeliveryRecord,
    DueDelivery,
    Lane,
    Lease,
    Obstacles,
    latest_failure,
)
from secretary_common.models.states import DeliveryState
from secretary_common.ports import EndpointRepository

WAITING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})
_BRIEF = {"body": b"", "token": None, "secret": None, "headers": None}


class InMemoryDeliveryStorage:
    """The part for clients and the sweeper (``ports.DeliveryStorage``)."""

    def __init__(self) -> None:
        self.deliveries: dict[str, Delivery] = {}
        self.muted: dict[tuple[str, str], datetime] = {}

    async def insert_absent(self, deliveries: Sequence[Delivery]) -> list[bool | NotStorable]:
        absent = [each.delivery_id not in self.deliveries for each in deliveries]
        for delivery in deliveries:
            self.deliveries.setdefault(delivery.delivery_id, delivery)
        return [*absent]

    async def insert_claimed(
        self, deliveries: Sequence[Delivery], leases: Mapping[str, Lease]
    ) -> list[bool | NotStorable]:
        return [self._insert_claimed(each, leases.get(each.delivery_id)) for each in deliveries]

    def _insert_claimed(self, delivery: Delivery, lease: Lease | None) -> bool:
        stored = self.deliveries.get(delivery.delivery_id)
        if stored is not None or lease is None:
            self.deliveries.setdefault(delivery.delivery_id, delivery)
            return bool(lease and stored and stored.lease and stored.lease.token == lease.token)
        is_free = not any(
            each.state is DeliveryState.SENDING for each in self._under(delivery.order_key)
        )
        self.deliveries[delivery.delivery_id] = delivery.claimed(lease) if is_free else delivery
        return is_free

    async def get(self, delivery_id: str) -> Delivery | None:
        return self.deliveries.get(delivery_id)

    async def of_job(
        self, job_id: str, *, after: tuple[int, str] | None = None, limit: int | None = None
    ) -> list[Delivery]:
        found = [
            each
            for each in self._of_job(job_id)
            if after is None or (each.seq, each.delivery_id) > after
        ]
        return [each.model_copy(update=_BRIEF) for each in found[:limit]]

    async def find(self, query: DeliveryQuery) -> list[Delivery]:
        found = [
            (each.created_at, each.delivery_id, each)
            for each in self._of_owner(query.owner)
            if query.state in (None, each.state)
            and query.origin in (None, each.origin.partition(" ")[0])
            and query.endpoint_id in (None, each.endpoint_id)
            and (query.state is not DeliveryState.DEAD or _is_lost(each))
        ]
        page = sorted(one for one in found if not query.after or one[:2] < query.after)[::-1]
        return [each.model_copy(update=_BRIEF) for *_, each in page[: query.limit]]

    async def find_page(
        self, query: DeliveryQuery
    ) -> tuple[list[Delivery], tuple[datetime, str] | None]:
        found = await self.find(replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        more = len(found) > len(page)
        return page, (page[-1].created_at, page[-1].delivery_id) if more else None

    async def muted_until(
        self, deliveries: Sequence[Delivery], now: datetime
    ) -> list[datetime | None]:
        ends = [self.muted.get((each.owner, each.url)) for each in deliveries]
        return [end if end and end > now else None for end in ends]

    async def counts(self, owner: str | None = None) -> dict[str, int]:
        owned = self._of_owner(owner)
        return {
            "pending": sum(each.state in WAITING for each in owned),
            "dead": sum(map(_is_lost, owned)),
        }

    async def has_pending(self, job_id: str) -> bool:
        return any(each.state in WAITING for each in self._of_job(job_id))

    async def delete_of_job(self, job_id: str, *, spare_until: datetime | None = None) -> int:
        removed = [
            each.delivery_id
            for each in self._of_job(job_id)
            if not (spare_until and each.expires_at and each.expires_at > spare_until)
        ]
        for delivery_id in removed:
            del self.deliveries[delivery_id]
        return len(removed)

    async def resend(self, delivery_id: str, now: datetime) -> bool:
        delivery = self.deliveries.get(delivery_id)
        if delivery is None or delivery.state not in RESENDABLE:
            return False
        self._send_again(delivery, now)
        return True

    async def recover(
        self, since: datetime, until: datetime, now: datetime, *, owner: str | None = None
    ) -> int:
        dead = [
            each
            for each in self._of_owner(owner)
            if _is_lost(each) and since <= each.created_at < until
        ]
        for delivery in dead:
            self._send_again(delivery, now)
        return len(dead)

    async def replay(
        self, endpoint_id: str, since: datetime, until: datetime, now: datetime
    ) -> int:
        missed = [
            each
            for each in self._of_endpoint(endpoint_id)
            if each.state in (DeliveryState.SKIPPED, DeliveryState.DEAD)
            and since <= each.created_at < until
        ]
        for delivery in missed:
            self._send_again(delivery, now)
        return len(missed)

    async def redirect(self, endpoint_id: str, url: str, origin: str) -> None:
        for each in self._of_endpoint(endpoint_id):
            if each.state in (DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.SKIPPED):
                self._put(each, url=url, origin=origin)

    async def last_failure(self, endpoint_id: str) -> DeliveryAttempt | None:
        return latest_failure(self._of_endpoint(endpoint_id))

    def _of_job(self, job_id: str) -> list[Delivery]:
        found = [each for each in self.deliveries.values() if each.job_id == job_id]
        return sorted(found, key=lambda delivery: (delivery.seq, delivery.delivery_id))

    def _under(self, order_key: str) -> list[Delivery]:
        found = [each for each in self.deliveries.values() if each.order_key == order_key]
        return sorted(found, key=lambda delivery: delivery.seq)

    def _of_endpoint(self, endpoint_id: str) -> list[Delivery]:
        return [each for each in self.deliveries.values() if each.endpoint_id == endpoint_id]

    def _of_owner(self, owner: str | None) -> Iterable[Delivery]:
        return [each for each in self.deliveries.values() if owner in (None, each.owner)]

    def _send_again(self, delivery: Delivery, now: datetime) -> None:
        self._put(
            delivery,
            state=DeliveryState.PENDING,
            next_attempt_at=now,
            resent_at=now,
            tries=0,
            reason=None,
            expires_at=None,
        )

    def _put(self, delivery: Delivery, **fields: Any) -> Delivery:
        changed = delivery.model_copy(update=fields)
        self.deliveries[delivery.delivery_id] = changed
        return changed


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
            attempts=[*delivery.attempts, *new],
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


def _is_lost(delivery: Delivery) -> bool:
    """Return whether a dead delivery counts: a failed test of a receiver does not."""
    return delivery.state is DeliveryState.DEAD and not delivery.is_test


def _untried(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.PENDING and not delivery.attempts


def _ended(state: DeliveryState) -> dict[str, Any]:
    return {"state": state, "lease": None, "next_attempt_at": None}


def _is_due(delivery: Delivery, now: datetime) -> bool:
    return delivery.next_attempt_at is not None and delivery.next_attempt_at <= now
