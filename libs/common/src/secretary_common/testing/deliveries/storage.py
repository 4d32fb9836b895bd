"""The storage of deliveries for clients and the sweeper, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from secretary_common.errors import NotStorable
from secretary_common.models import (
    RESENDABLE,
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    Lease,
    latest_failure,
)
from secretary_common.models.states import DeliveryState

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


def _is_lost(delivery: Delivery) -> bool:
    """Return whether a dead delivery counts: a failed test of a receiver does not."""
    return delivery.state is DeliveryState.DEAD and not delivery.is_test
