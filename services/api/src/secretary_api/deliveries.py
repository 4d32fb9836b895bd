"""Webhook deliveries over the API: list, resend, recover, and test a receiver."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secretary_api.auth import Principal
from secretary_api.jobs import webhook
from secretary_api.schemas.delivery import TrialRequest
from secretary_common.errors import InvalidState, NotFound, StoreUnavailable
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs import outbox
from secretary_common.models import NOTIFIER_ALIVE_SEC, Delivery, DeliveryQuery, DeliveryState
from secretary_common.ports import DeliveryRepository, Doorbell, JobRepository, NotifierRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger
from secretary_common.secrets.cipher import Cipher

log = get_logger(__name__)

POLL_SEC = 0.05
"""The time between two reads of a test that has not ended."""
WAITING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})


class NoNotifier(StoreUnavailable):
    """No notifier is alive that could run the test; nothing was sent."""


class NotTested(StoreUnavailable):
    """No notifier has run the test in time."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of a principal's jobs; an admin's calls reach all deliveries."""

    deliveries: DeliveryRepository
    jobs: JobRepository
    notifiers: NotifierRepository
    doorbell: Doorbell
    clock: Clock
    cipher: Cipher
    guard: UrlGuard
    test_sec: float
    """The time within which the outcome of a test must be recorded."""

    async def find(self, query: DeliveryQuery) -> tuple[list[Delivery], Delivery | None]:
        """Return a page of deliveries without those of deleted jobs, and the end of the page.

        The end is the last delivery of the unfiltered page; None if no page follows.
        """
        found = await self.deliveries.find(replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        hidden = await self.jobs.deleted_among({each.job_id for each in page}) if page else set()
        shown = [each for each in page if each.job_id not in hidden]
        return shown, page[-1] if len(found) > query.limit else None

    async def resend(self, delivery_id: str, principal: Principal) -> Delivery:
        """Make a delivery due now and restart its schedule.

        Raises:
            NotFound: there is no such delivery for this principal.
            InvalidState: the delivery is being sent or was dropped, or a newer event overtook it.
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
        if not await self.deliveries.resend(delivery_id, now):
            raise InvalidState(f"the delivery is {delivery.state}; it cannot be sent again now")
        log.info("delivery.resent", delivery_id=delivery_id)
        await self.doorbell.ring_delivery(delivery.job_id, delivery.seq)
        return await self.deliveries.get(delivery_id) or delivery

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
        delivery = outbox.trial_delivery(
            webhook.encoded_url(request.url, "url"),
            owner=principal.key_id,
            now=now,
            token=self.cipher.seal(request.token) if request.token else None,
            secret=self.cipher.seal(request.secret) if request.secret else None,
            headers=webhook.sealed_headers(request.headers, self.cipher),
        )
        webhook.check_target(delivery.url, self.guard, "url")
        if not await self.notifiers.any_alive(now - timedelta(seconds=NOTIFIER_ALIVE_SEC)):
            raise NoNotifier
        await self.deliveries.insert_absent([delivery])
        await self.doorbell.ring_delivery(delivery.job_id, delivery.seq)
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
