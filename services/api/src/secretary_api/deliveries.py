"""What the API does with webhook deliveries: list, resend, recover, try a receiver."""

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

LOOK_SEC = 0.05
"""Between two looks whether a test has ended."""
WAITING = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})


class NoNotifier(StoreUnavailable):
    """No notifier is alive to make the test; nothing was sent."""


class NotTested(StoreUnavailable):
    """No notifier has made the test in time."""


@dataclass(frozen=True, slots=True)
class DeliveryService:
    """The webhooks of a principal's jobs, or all for an admin. Others' do not exist for it."""

    deliveries: DeliveryRepository
    jobs: JobRepository
    notifiers: NotifierRepository
    doorbell: Doorbell
    clock: Clock
    cipher: Cipher
    guard: UrlGuard
    test_sec: float
    """How long a test may take until its outcome is there."""

    async def find(self, query: DeliveryQuery) -> tuple[list[Delivery], Delivery | None]:
        """The deliveries *query* wants but those of deleted jobs, and the last of a full page."""
        found = await self.deliveries.find(replace(query, limit=query.limit + 1))
        page = found[: query.limit]
        hidden = await self.jobs.deleted_among({each.job_id for each in page}) if page else set()
        shown = [each for each in page if each.job_id not in hidden]
        return shown, page[-1] if len(found) > query.limit else None

    async def resend(self, delivery_id: str, principal: Principal) -> Delivery:
        """Have a delivery sent again now, its schedule from the start.

        Raises:
            NotFound: there is none, or it is somebody else's.
            InvalidState: it is being sent, or it is a progress that something newer overtook.
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
        if not await self.deliveries.resend(delivery_id, now):
            raise InvalidState(f"the delivery is {delivery.state}; it cannot be sent again now")
        log.info("delivery.resent", delivery_id=delivery_id)
        await self.doorbell.ring_delivery(delivery.job_id, delivery.seq)
        return await self.deliveries.get(delivery_id) or delivery

    async def recover(self, since: datetime, until: datetime, principal: Principal) -> int:
        """Have all dead deliveries made in [since, until) sent again; returns how many.

        Notifiers find them within their poll interval.
        """
        now = self.clock.now()
        count = await self.deliveries.recover(since, until, now, owner=principal.owner_filter)
        log.info("deliveries.recovered", count=count)
        return count

    async def test(self, request: TrialRequest, principal: Principal) -> Delivery:
        """Have a notifier send one test event; returns what came of it.

        Raises:
            InvalidRequest: the URL is refused.
            NoNotifier: none is alive.
            NotTested: none has made it in time.
        """
        webhook.check_url(self.guard, request.url, "url")
        now = self.clock.now()
        delivery = outbox.trial_delivery(
            request.url,
            owner=principal.key_id,
            now=now,
            token=self.cipher.seal(request.token) if request.token else None,
            secret=self.cipher.seal(request.secret) if request.secret else None,
        )
        webhook.check_target(request.url, delivery.job_id, "url")
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
                    await asyncio.sleep(LOOK_SEC)
        except TimeoutError:
            # Whoever asked has gone; a late request would only surprise the receiver.
            await self.deliveries.delete_of_job(delivery.job_id)
            raise NotTested from None
