"""Calls on webhooks and their receivers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Unpack

from secretary_client.calls.endpoints import Endpoints
from secretary_client.core.call import Calls, D, returns, yields
from secretary_client.core.effect import Flow, Items
from secretary_client.core.fields import given, path
from secretary_client.models import Delivery, DeliveryFilter, Receiver, WebhookFields
from secretary_client.paths import DELIVERIES, JOBS


class WebhookCalls(Calls[D]):
    """See which webhooks arrived, and send them again."""

    @property
    def endpoints(self) -> Endpoints[D]:
        """The endpoints: receivers that a key registers once for the events of its jobs."""
        return Endpoints(self._requests, self._driver)

    @yields
    def deliveries(self, **wanted: Unpack[DeliveryFilter]) -> Items[Delivery]:
        """Yield webhooks with their attempts, newest first.

        Args:
            wanted: ``status``, e.g. ``dead``; ``receiver``, an origin or a URL with this origin;
                ``endpoint``, the id of an endpoint.
        """
        return self._requests.pages(DELIVERIES, "deliveries", "cursor", given(**wanted))

    @yields
    def deliveries_of(self, job_id: str) -> Items[Delivery]:
        """Yield the webhooks of a job in the order of their events."""
        return self._requests.pages(path(JOBS, job_id, "deliveries"), "deliveries", "cursor")

    @returns
    def receivers(self) -> Flow[list[Receiver]]:
        """Return the receivers of webhooks that are busy or in trouble."""
        found: list[Receiver] = (yield from self._requests.data("GET", "/api/receivers"))[
            "receivers"
        ]
        return found

    @returns
    def resend(self, delivery_id: str) -> Flow[Delivery]:
        """Send a webhook again, with the same id and the same bytes."""
        found = yield from self._requests.data("POST", path(DELIVERIES, delivery_id, "resend"))
        delivery: Delivery = found["delivery"]
        return delivery

    @returns
    def recover(self, since: datetime | str, until: datetime | str | None = None) -> Flow[int]:
        """Send every dead webhook of a span of time again; return their number.

        Args:
            since: the start: an aware datetime, or an ISO 8601 text.
            until: the end, as ``since``; default: now.
        """
        span = given(since=since, until=until or datetime.now(UTC))
        found = yield from self._requests.data("POST", f"{DELIVERIES}/recover", json=span)
        count: int = found["count"]
        return count

    @returns
    def test_webhook(self, url: str, **fields: Unpack[WebhookFields]) -> Flow[Delivery]:
        """Let a notifier send one event of the phase ``test`` to *url*; return the outcome.

        Args:
            url: the receiver.
            fields: ``token``, ``secret``, ``headers``, as in the ``webhook`` of a job.
        """
        return self._requests.data("POST", "/api/webhooks/test", json={"url": url, **fields})
