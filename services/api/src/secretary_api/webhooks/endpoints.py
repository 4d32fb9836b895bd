"""Endpoints over the API: what their owners do with them."""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from secretary_api.access.principal import Principal
from secretary_api.http.errors import refused_fields
from secretary_api.jobs import webhook
from secretary_api.key_endpoints import KeyEndpoints
from secretary_api.schemas.endpoint import (
    EndpointChange,
    EndpointRequest,
    ReplayRequest,
    RotationRequest,
    misfit,
)
from secretary_api.webhooks.deliveries import Deliveries
from secretary_common.errors import InvalidState, NotFound
from secretary_common.jobs.new_deliveries import trial_delivery
from secretary_common.jobs.receivers import delivery_origin
from secretary_common.models import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    EndpointKind,
    new_endpoint_id,
)
from secretary_common.ports import EndpointRepository
from secretary_common.runtime.clock import Clock
from secretary_common.secrets.cipher import UnknownKey
from secretary_common.secrets.secret_field import REDACTED

MOST_ENDPOINTS = 20
"""The most endpoints of one API key."""
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of a principal; an admin's calls reach all endpoints."""

    endpoints: EndpointRepository
    of_keys: KeyEndpoints
    deliveries: Deliveries
    clock: Clock

    async def register(self, wanted: EndpointRequest, principal: Principal) -> Endpoint:
        """Store a new endpoint for the jobs of *principal*, or for operators.

        Raises:
            Forbidden: only an admin's key may have an endpoint of the kind ``operator``.
            InvalidRequest: the URL is refused.
            InvalidState: the key has ``MOST_ENDPOINTS``.
        """
        if wanted.kind is EndpointKind.OPERATOR:
            principal.require_admin()
        now, cipher = self.clock.now(), self.deliveries.cipher
        await self._require_room(principal, MOST_ENDPOINTS - 1)
        endpoint = Endpoint(
            endpoint_id=new_endpoint_id(),
            owner=principal.key_id,
            url=self._checked(wanted.url),
            kind=wanted.kind,
            events=wanted.chosen_events,
            job_types=wanted.job_types,
            tags=wanted.tags,
            enabled=wanted.enabled,
            secret=cipher.seal(wanted.secret) if wanted.secret else None,
            headers=webhook.sealed_headers(wanted.headers, cipher),
            created_at=now,
            updated_at=now,
        )
        await self.endpoints.insert(endpoint)
        try:  # other requests of the key may have found the same room
            await self._require_room(principal, MOST_ENDPOINTS)
        except InvalidState:
            await self.endpoints.delete(endpoint.endpoint_id)
            raise
        self.of_keys.forget(endpoint.owner)
        return endpoint

    async def _require_room(self, principal: Principal, most: int) -> None:
        """Return if the key has at most *most* endpoints.

        Raises:
            InvalidState: the key has more.
        """
        if len(await self.endpoints.find(principal.key_id)) > most:
            raise InvalidState(f"the key has {MOST_ENDPOINTS} endpoints: delete or change one")

    async def get(self, endpoint_id: str, principal: Principal) -> Endpoint:
        """Return an endpoint.

        Raises:
            NotFound: there is no such endpoint for this principal.
        """
        found = await self.endpoints.get(endpoint_id)
        if found is None or not principal.may_see(found.owner):
            raise NotFound(f"there is no endpoint {endpoint_id[:100]}")
        return found

    async def find(
        self, principal: Principal, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[Endpoint], bool]:
        """Return at most *limit* endpoints of *principal*, newest first; whether more follow."""
        found = await self.endpoints.find(principal.owner_filter, after=after, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def last_failure(self, endpoint: Endpoint) -> DeliveryAttempt | None:
        """Return the latest failed attempt among the newest webhooks of *endpoint*."""
        return await self.deliveries.deliveries.last_failure(endpoint.endpoint_id)

    async def change(self, endpoint: Endpoint, wanted: EndpointChange) -> Endpoint:
        """Change the fields that *wanted* names; return the endpoint.

        Webhooks that are not delivered yet go to the new URL too.

        Raises:
            InvalidRequest: the URL is refused.
            NotFound: the endpoint was deleted meanwhile.
        """
        fields = wanted.model_dump(exclude_unset=True, mode="json")
        filters = wanted.job_types or wanted.tags
        if problem := misfit(endpoint.kind, fields.get("events", ()), filters):
            raise refused_fields(("events", problem))
        if "headers" in fields:
            cipher = self.deliveries.cipher
            fields["headers"] = webhook.sealed_headers(wanted.headers, cipher)
        if wanted.url is not None:
            fields["url"] = self._checked(wanted.url)
        changed = await self._put(endpoint, fields)
        if wanted.url is not None:  # also if it is the same: an earlier request may have ended here
            origin = delivery_origin(changed.url, endpoint.endpoint_id)
            await self.deliveries.deliveries.redirect(endpoint.endpoint_id, changed.url, origin)
        return changed

    async def rotate(self, endpoint: Endpoint, wanted: RotationRequest) -> tuple[str, datetime]:
        """Give *endpoint* a new secret; return the secret, and until when the old one signs too.

        A client repeats a request whose answer was lost. If it gives the secret again that the
        endpoint has since, the secret before that one stays the old one.
        """
        made = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        secret, now = wanted.secret or made, self.clock.now()
        until = now + timedelta(seconds=wanted.overlap_sec)
        is_repeat = endpoint.overlaps(now) and self._has(endpoint, secret)
        fields = {
            "secret": self.deliveries.cipher.seal(secret),
            "older_secret": endpoint.older_secret if is_repeat else endpoint.secret,
            "older_until": until,
        }
        await self._put(endpoint, fields)
        return secret, until

    def _has(self, endpoint: Endpoint, secret: str) -> bool:
        if endpoint.secret is None:
            return False
        try:
            return hmac.compare_digest(self.deliveries.cipher.open(endpoint.secret), secret)
        except UnknownKey:
            return False

    async def delete(self, endpoint: Endpoint) -> None:
        """Delete *endpoint*; its webhooks that are not delivered yet are dropped."""
        await self.endpoints.delete(endpoint.endpoint_id)
        self.of_keys.forget(endpoint.owner)

    async def replay(self, endpoint: Endpoint, wanted: ReplayRequest) -> int:
        """Send the skipped and dead webhooks of a time again; return their number.

        Raises:
            InvalidState: the endpoint is disabled.
        """
        if not endpoint.enabled:
            raise InvalidState("the endpoint is disabled: enable it first")
        now = self.clock.now()
        until = wanted.until or now + timedelta(milliseconds=1)
        found = self.deliveries.deliveries
        return await found.replay(endpoint.endpoint_id, wanted.since, until, now)

    async def test(self, endpoint: Endpoint) -> Delivery:
        """Let a notifier send one test event; return its delivery with the outcome.

        Raises:
            NoNotifier: no notifier is alive.
            NotTested: no notifier has run the test in time.
        """
        delivery = trial_delivery(
            endpoint.url,
            owner=endpoint.owner,
            now=self.clock.now(),
            secret=endpoint.secret,
            headers=endpoint.headers,
            endpoint_id=endpoint.endpoint_id,
        )
        return await self.deliveries.outcome_of(delivery)

    async def _put(self, endpoint: Endpoint, fields: dict[str, Any]) -> Endpoint:
        fields["updated_at"] = self.clock.now()
        if not await self.endpoints.change(endpoint.endpoint_id, fields):
            raise NotFound(f"there is no endpoint {endpoint.endpoint_id[:100]}")
        self.of_keys.forget(endpoint.owner)
        changed = await self.endpoints.get(endpoint.endpoint_id)
        return changed or endpoint.model_copy(update=fields)

    def _checked(self, url: str) -> str:
        if "{jobId}" in url:
            raise refused_fields(("url", "must not have {jobId}: an endpoint serves many jobs"))
        if REDACTED in unquote(url):  # copied from an answer, which does not show the values
            raise refused_fields(("url", f"must not have {REDACTED}: write the whole URL"))
        encoded = webhook.encoded_url(url, "url")
        webhook.check_target(encoded, self.deliveries.guard, "url")
        return encoded
