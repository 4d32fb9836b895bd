"""Endpoints: receivers that a key registers once for the events of its jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Unpack

from secretary_client.core.call import Calls, D, returns, yields
from secretary_client.core.drivers import AsyncDriver, SyncDriver
from secretary_client.core.effect import Flow, Items
from secretary_client.core.fields import given, path
from secretary_client.core.signing_secret import new_secret
from secretary_client.models import Delivery, Endpoint, EndpointFields, RotatedSecret
from secretary_client.paths import ENDPOINTS


class Endpoints(Calls[D]):
    """The endpoints of one key; ``Client.endpoints`` makes it. An admin reaches those of all keys.

    All methods raise ``ApiError`` and ``Unreachable``, as ``Client.call`` does.
    """

    def __iter__(self: Endpoints[SyncDriver]) -> Iterator[Endpoint]:
        """Yield the endpoints, newest first."""
        return self.all()

    def __aiter__(self: Endpoints[AsyncDriver]) -> AsyncIterator[Endpoint]:
        """Yield the endpoints, newest first."""
        return self.all()

    @yields
    def all(self) -> Items[Endpoint]:
        """Yield the endpoints, newest first."""
        return self._requests.pages(ENDPOINTS, "endpoints", "cursor")

    @returns
    def get(self, endpoint_id: str) -> Flow[Endpoint]:
        """Return an endpoint with its last failure."""
        return self._endpoint("GET", path(ENDPOINTS, endpoint_id))

    @returns
    def create(
        self,
        url: str,
        *,
        secret: str | None = None,
        kind: str | None = None,
        **fields: Unpack[EndpointFields],
    ) -> Flow[Endpoint]:
        """Register a receiver of the events of this key's later jobs; return the endpoint.

        If the answer is lost, the request is repeated, and the endpoint may exist twice.

        Args:
            url: the receiver.
            secret: signs its events: ``whsec_…``; default: the service's secrets.
            kind: ``operator``: it gets faults of the system; an admin's key is needed.
            fields: ``events``, ``job_types``, ``tags``, ``headers``, ``enabled``.
        """
        body = {"url": url, **given(secret=secret, kind=kind), **fields}
        return self._endpoint("POST", ENDPOINTS, json=body)

    @returns
    def change(
        self, endpoint_id: str, *, url: str | None = None, **fields: Unpack[EndpointFields]
    ) -> Flow[Endpoint]:
        """Change the fields that are given; return the endpoint.

        Args:
            endpoint_id: the endpoint.
            url: the new receiver, also of its webhooks that are not delivered yet.
            fields: ``events``, ``job_types``, ``tags``, ``headers``, ``enabled``; None removes a
                filter or all headers.
        """
        body = {**given(url=url), **fields}
        return self._endpoint("PATCH", path(ENDPOINTS, endpoint_id), json=body)

    @returns
    def rotate(
        self, endpoint_id: str, *, secret: str | None = None, overlap_sec: float | None = None
    ) -> Flow[RotatedSecret]:
        """Give an endpoint a new secret; return ``{secret, rotated_until}``.

        Only this answer shows the secret. The old one signs too until ``rotated_until``.

        Args:
            endpoint_id: the endpoint.
            secret: the new secret; default: a new one, the same in repeats of the request.
            overlap_sec: how long the old one signs too, in seconds; default: a day.
        """
        body = given(secret=secret or new_secret(), overlap_sec=overlap_sec)
        return self._requests.data("POST", path(ENDPOINTS, endpoint_id, "rotate-secret"), json=body)

    @returns
    def replay(
        self, endpoint_id: str, since: datetime | str, until: datetime | str | None = None
    ) -> Flow[int]:
        """Send the skipped and dead webhooks of a time again; return their number.

        Args:
            endpoint_id: the endpoint; it must be enabled.
            since: the start: an aware datetime, or an ISO 8601 text.
            until: the end, as ``since``; default: now.

        Raises:
            ValueError: a datetime has no time zone.
        """
        span = given(since=since, until=until)
        found = yield from self._requests.data(
            "POST", path(ENDPOINTS, endpoint_id, "replay"), json=span
        )
        count: int = found["count"]
        return count

    @returns
    def test(self, endpoint_id: str) -> Flow[Delivery]:
        """Send one event of the phase ``test``; return the webhook with the outcome."""
        return self._requests.data("POST", path(ENDPOINTS, endpoint_id, "test"))

    @returns
    def delete(self, endpoint_id: str) -> Flow[None]:
        """Delete an endpoint; its webhooks that are not delivered yet are dropped."""
        yield from self._requests.data("DELETE", path(ENDPOINTS, endpoint_id))

    def _endpoint(self, method: str, path: str, **options: Any) -> Flow[Endpoint]:
        found = yield from self._requests.data(method, path, **options)
        endpoint: Endpoint = found["endpoint"]
        return endpoint
