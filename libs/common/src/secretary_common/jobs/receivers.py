"""The receivers of a job's events: its own webhook, and the endpoints that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from secretary_common.errors import UrlRefused
from secretary_common.http.url_guard import origin_of
from secretary_common.jobs.payload import client_job_id
from secretary_common.models import Endpoint, Job, Phase, SealedSecret


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver, with what a delivery needs of it."""

    url: str
    events: frozenset[str]
    """The phases of the events that it gets."""
    endpoint_id: str | None = None
    """None: the job's own webhook."""
    enabled: bool = True
    token: SealedSecret | None = None
    secret: SealedSecret | None = None
    older_secret: SealedSecret | None = None
    service_signs: bool = False
    """Whether the service's secrets sign besides ``secret``."""
    headers: dict[str, SealedSecret] | None = None

    def wants(self, phase: Phase) -> bool:
        """Return whether it gets events of *phase*."""
        return phase.value in self.events

    def keeps(self, phase: Phase) -> bool:
        """Return whether an event of *phase* is stored for it.

        A disabled endpoint misses progress for good: newer events overtake it anyway.
        """
        return self.enabled or phase is not Phase.PROCESSING


def receivers_of(job: Job, known: Mapping[str, Endpoint], now: datetime) -> list[Receiver]:
    """Return the receivers of *job*; an endpoint that was deleted is left out.

    Args:
        job: the job.
        known: the endpoints that exist, by id.
        now: the store's time.
    """
    found = [known[one] for one in (job.endpoints.ids if job.endpoints else ()) if one in known]
    return [*_own(job), *(_of_endpoint(endpoint, now) for endpoint in found)]


def target_of(url: str, client_id: str) -> str:
    """Return *url* with ``{jobId}`` replaced by *client_id*, the client's own id of the job."""
    return url.replace("{jobId}", quote(client_id, safe=""))


def _own(job: Job) -> list[Receiver]:
    webhook = job.webhook
    if webhook is None:
        return []
    # A slot may hold progress for endpoints alone.
    left_out = set() if webhook.progress else {Phase.PROCESSING}
    return [
        Receiver(
            url=target_of(webhook.url, client_job_id(job)),
            events=frozenset(phase.value for phase in Phase if phase not in left_out),
            token=webhook.token,
            secret=webhook.secret,
            headers=webhook.headers,
        )
    ]


def _of_endpoint(endpoint: Endpoint, now: datetime) -> Receiver:
    return Receiver(
        url=endpoint.url,
        events=frozenset(endpoint.events),
        endpoint_id=endpoint.endpoint_id,
        enabled=endpoint.enabled,
        secret=endpoint.secret,
        older_secret=endpoint.older_secret_at(now),
        service_signs=endpoint.service_signs_at(now),
        headers=endpoint.headers,
    )


def delivery_origin(url: str, endpoint_id: str | None = None) -> str:
    """Return the origin of a delivery to *url*, by which limits and breakers work.

    Each endpoint has an origin of its own: that of its URL, and its id.
    """
    return _origin(url) if endpoint_id is None else f"{_origin(url)} {endpoint_id}"


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except UrlRefused:  # the attempts will fail with the reason; the event must not be lost
        return "refused"
