"""Webhook deliveries over the API: list, resend, recover, and test a receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_api.access.principal import Principal
from secretary_api.jobs import webhook
from secretary_api.schemas.delivery import TrialRequest
from secretary_api.webhooks.delivery_wait import Wait, merged_receivers, wait_of
from secretary_common.errors import InvalidState, NotFound, StoreUnavailable
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.new_deliveries import TEST_MARK, trial_delivery
from secretary_common.models import (
    NOTIFIER_ALIVE_SEC,
    Delivery,
    DeliveryQuery,
    DeliveryState,
    ReceiverState,
)
from secretary_common.ports import (
    DeliveryRepository,
    Doorbell,
    EndpointRepository,
    JobRepository,
    NotifierRepository,
)
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.secrets.cipher import Cipher

log = get_logger(__name__)

RECENT_DELIVERIES = 500
"""A key that is no admin sees the receivers of this many of its last webhooks."""
POLL_SEC = 0.05
"""The time between two reads of a test that has not ended."""
WAITING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})
"""The states of deliveries that have not ended."""


class NoNotifier(StoreUnavailable):
    """No notifier is alive that could run the test; nothing was sent."""


class NotTested(StoreUnavailable):
    """No notifier has run the test in time."""


@dataclass(frozen=True, slots=True)
class ExplainedDelivery:
    """A delivery with what it waits for."""

    delivery: Delivery
    wait: Wait | None
    """None: it does not wait."""
    muted_until: datetime | None
    """Its URL gets no events of its owner before this time, because it answered 410."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of a principal's jobs; an admin's calls reach all deliveries."""

    deliveries: DeliveryRepository
    jobs: JobRepository
    endpoints: EndpointRepository
    notifiers: NotifierRepository
    doorbell: Doorbell
    clock: Clock
    cipher: Cipher
    guard: UrlGuard
    test_sec: float
    """The time within which the outcome of a test must be recorded."""

    async def find(
        self, query: DeliveryQuery
    ) -> tuple[list[Delivery], tuple[datetime, str] | None]:
        """Return a page of deliveries without those of deleted jobs, and the next page's place."""
        page, place = await self.deliveries.find_page(query)
        hidden = await self.jobs.deleted_among({each.job_id for each in page}) if page else set()
        return [each for each in page if each.job_id not in hidden], place

    async def explained(self, deliveries: Sequence[Delivery]) -> list[ExplainedDelivery]:
        """Return *deliveries*, each with what it waits for."""
        if not deliveries:
            return []
        now = self.clock.now()
        alive_since = now - timedelta(seconds=NOTIFIER_ALIVE_SEC)
        muted, states, is_alive = await asyncio.gather(
            self.deliveries.muted_until(deliveries, now),
            self.notifiers.receivers(alive_since),
            self.notifiers.any_alive(alive_since),
        )
        opened = {one.origin: one.open_until for one in merged_receivers(states)}
        return [
            ExplainedDelivery(
                each, wait_of(each, opened.get(each.origin), now, is_alive=is_alive), until
            )
            for each, until in zip(deliveries, muted, strict=True)
        ]

    async def receivers(self, principal: Principal) -> list[ReceiverState]:
        """Return the receivers that are busy or in trouble, of the last events of *principal*."""
        now = self.clock.now()
        alive_since = now - timedelta(seconds=NOTIFIER_ALIVE_SEC)
        reported = await self.notifiers.receivers(alive_since)
        states = merged_receivers(one for one in reported if not one.origin.startswith(TEST_MARK))
        if principal.is_admin:
            return states
        mine = await self.deliveries.find(DeliveryQuery(principal.key_id, limit=RECENT_DELIVERIES))
        origins = {each.origin for each in mine}
        return [one for one in states if one.origin in origins]

    async def resend(self, delivery_id: str, principal: Principal) -> Delivery:
        """Make a delivery due now and restart its schedule.

        Raises:
            NotFound: there is no such delivery for this principal.
            InvalidState: the delivery is being sent or was dropped, a newer event overtook it, or
                its endpoint is disabled or deleted.
        """
        delivery = await self.deliveries.get(delivery_id)
        if delivery is None or not principal.may_see(delivery.owner):
            raise NotFound(f"there is no delivery {delivery_id[:100]}")
        if await self.jobs.deleted_among({delivery.job_id}):
            raise NotFound(f"there is no delivery {delivery_id[:100]}")
        now = self.clock.now()
        if not delivery.is_terminal_event:
            [standing] = await self.deliveries.obstacles([delivery], now)
            if standing.is_overtaken:
                raise InvalidState("a later event of this job is known; old progress stays unsent")
        if delivery.unreadable:
            raise InvalidState(f"it lost fields that cannot be read: {delivery.unreadable.reason}")
        await self._require_endpoint(delivery)
        if not await self.deliveries.resend(delivery_id, now):
            raise InvalidState(f"the delivery is {delivery.state}; it cannot be sent again now")
        log.info("delivery.resent", delivery_id=delivery_id)
        await self.doorbell.ring_delivery(delivery.order_key, delivery.seq)
        return await self.deliveries.get(delivery_id) or delivery

    async def _require_endpoint(self, delivery: Delivery) -> None:
        """Return if the endpoint of *delivery*, if it has one, takes events.

        Raises:
            InvalidState: the endpoint is disabled or deleted.
        """
        if delivery.endpoint_id is None:
            return
        endpoint = await self.endpoints.get(delivery.endpoint_id)
        if endpoint is None:
            raise InvalidState("its endpoint is deleted; the event cannot be sent again")
        if not endpoint.enabled:
            raise InvalidState("its endpoint is disabled: enable it first")

    async def recover(self, since: datetime, until: datetime, principal: Principal) -> int:
        """Make all dead deliveries of [since, until) due now; return their number.

        Notifiers find them within their poll interval.
        """
        now = self.clock.now()
        count = await self.deliveries.recover(since, until, now, owner=principal.owner_filter)
        log.info("deliveries.recovered", count=count)
        return count

    async def test(self, request: TrialRequest, principal: Principal) -> Delivery:
        """Let a notifier send one test event; return its delivery with the outcome.

        Raises:
            InvalidRequest: the URL is refused.
            NoNotifier: no notifier is alive.
            NotTested: no notifier has run the test in time.
        """
        now = self.clock.now()
        delivery = trial_delivery(
            webhook.encoded_url(request.url, "url"),
            owner=principal.key_id,
            now=now,
            token=self.cipher.seal(request.token) if request.token else None,
            secret=self.cipher.seal(request.secret) if request.secret else None,
            headers=webhook.sealed_headers(request.headers, self.cipher),
        )
        webhook.check_target(delivery.url, self.guard, "url")
        return await self.outcome_of(delivery)

    async def outcome_of(self, delivery: Delivery) -> Delivery:
        """Let a notifier send a test; return its delivery with the outcome.

        Raises:
            NoNotifier: no notifier is alive.
            NotTested: no notifier has run the test in time.
        """
        now = self.clock.now()
        if not await self.notifiers.any_alive(now - timedelta(seconds=NOTIFIER_ALIVE_SEC)):
            raise NoNotifier
        await self.deliveries.insert_absent([delivery])
        await self.doorbell.ring_delivery(delivery.order_key, delivery.seq)
        return await self._outcome(delivery)

    async def _outcome(self, delivery: Delivery) -> Delivery:
        try:
            async with asyncio.timeout(self.test_sec):
                while True:
                    found = await self.deliveries.get(delivery.delivery_id)
                    if found and found.state not in WAITING:
                        return found
                    await asyncio.sleep(POLL_SEC)
        except TimeoutError:
            # The client waits no longer, and a late request would surprise the receiver.
            await self.deliveries.delete_of_job(delivery.job_id)
            raise NotTested from None
