"""Webhook deliveries, and what notifiers read and write of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from secretary_common.models.endpoint import Endpoint, job_id_in, order_key_of
from secretary_common.models.job import Lease, Unreadable
from secretary_common.models.states import DeliveryState, Phase
from secretary_common.models.value import SealedSecret, Value

RESENDABLE = frozenset(
    {
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
        DeliveryState.DEAD,
        DeliveryState.SUPERSEDED,
        DeliveryState.SKIPPED,
    }
)
"""States in which a client may resend a delivery. Resending a pending delivery sends it now."""
MOST_DELIVERY_ATTEMPTS = 50
"""A delivery keeps its last attempts, because a client may resend it any number of times."""


class Refused(StrEnum):
    """Why an endpoint takes no events."""

    DISABLED = "disabled"
    DELETED = "deleted"


class DeliveryAttempt(Value):
    """One attempt to send a delivery."""

    at: datetime
    status_code: int | None = None
    duration_ms: int
    address: str | None = None
    error: str | None = None
    response: str | None = None
    """The first 4 KiB of the response."""

    @property
    def has_succeeded(self) -> bool:
        """Whether the receiver accepted the event."""
        return self.status_code in range(200, 300)


class Delivery(BaseModel):
    """One webhook to send. Its bytes, URL and secrets are fixed when it is created."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    delivery_id: str
    """``msg_<order key>_<seq>``; the header ``webhook-id``."""
    job_id: str
    """``test-…`` for a test and ``fault-…`` for an operator event, which have no job."""
    endpoint_id: str | None = None
    """The endpoint that gets the event; None: the job's own webhook."""
    owner: str
    seq: int = Field(ge=0)
    run: int = Field(ge=0)
    phase: Phase
    url: str
    origin: str
    """scheme://host:port; limits and breakers work per origin."""
    body: bytes
    token: SealedSecret | None = None
    secret: SealedSecret | None = None
    older_secret: SealedSecret | None = Field(default=None, exclude=True)
    """The endpoint's secret before a rotation, while it still signs too. Not stored."""
    service_signs: bool = Field(default=False, exclude=True)
    """Whether the service's secrets sign besides ``secret``, after a rotation. Not stored."""
    headers: dict[str, SealedSecret] | None = None
    state: DeliveryState = DeliveryState.PENDING
    created_at: datetime
    next_attempt_at: datetime | None = None
    """When a notifier may claim the delivery: its due time, or the end of the current lease.

    None once the delivery has ended.
    """
    lease: Lease | None = None
    tries: int = Field(default=0, ge=0)
    """The number of attempts since the delivery was created or last resent."""
    attempts: list[DeliveryAttempt] = Field(default_factory=list)
    """The last ``MOST_DELIVERY_ATTEMPTS`` attempts, also those before a resend."""
    reason: str | None = None
    """Why the delivery ended in a state other than ``delivered``, or why it waits."""
    resent_at: datetime | None = None
    """The time of the last resend; the schedule started again then."""
    expires_at: datetime | None = None
    """When the delivery is removed, even if its job stays."""
    followed_by: int | None = None
    """The ``seq`` of the event that waits until this progress was sent once."""
    trace: str | None = None
    """The ``traceparent`` of the attempt that the event reports, if the job was traced."""
    unreadable: Unreadable | None = None
    """Set when the delivery was set aside: its unreadable fields; it cannot be sent again."""
    newer: str | None = Field(default=None, exclude=True)
    """The word of a newer version. This version leaves such a delivery alone. Not stored."""
    refused: Refused | None = Field(default=None, exclude=True)
    """Why its endpoint takes no events now, as a claim reads it. Not stored."""

    @field_validator("job_id")
    @classmethod
    def _without_endpoint(cls, value: str) -> str:
        """Return the job id; the store keeps the order key in this field."""
        return job_id_in(value)

    @property
    def order_key(self) -> str:
        """See ``order_key_of``."""
        return order_key_of(self.job_id, self.endpoint_id)

    def with_current(self, endpoint: Endpoint | None, now: datetime) -> Delivery:
        """Return the delivery with the URL, secrets and headers that *endpoint* has at *now*.

        *endpoint*: None if it was deleted.
        """
        if endpoint is None:
            return self.model_copy(update={"refused": Refused.DELETED})
        current = {
            "url": endpoint.url,
            "secret": endpoint.secret,
            "older_secret": endpoint.older_secret_at(now),
            "service_signs": endpoint.service_signs_at(now),
            "headers": endpoint.headers,
            "refused": None if endpoint.enabled else Refused.DISABLED,
        }
        return self.model_copy(update=current)

    @property
    def is_terminal_event(self) -> bool:
        """Whether the event is a test or reports the end of a run; False for progress."""
        return self.phase is not Phase.PROCESSING

    @property
    def is_test(self) -> bool:
        """Whether this is a client's test of its receiver, without a job."""
        return self.phase is Phase.TEST

    @property
    def has_job(self) -> bool:
        """Whether the event reports on a job. A phase of a newer version counts as one."""
        return not isinstance(self.phase, Phase) or self.phase.has_job

    @property
    def began_at(self) -> datetime:
        """The start of the current schedule."""
        return self.resent_at or self.created_at

    def claimed(self, lease: Lease) -> Delivery:
        """Return the delivery as the notifier that holds *lease* sends it."""
        taken = {"lease": lease, "next_attempt_at": lease.expires_at}
        return self.model_copy(update={"state": DeliveryState.SENDING, **taken})

    def to_due(self) -> DueDelivery:
        """Return the fields by which a notifier chooses the next delivery."""
        return DueDelivery(
            delivery_id=self.delivery_id,
            job_id=self.job_id,
            endpoint_id=self.endpoint_id,
            seq=self.seq,
            owner=self.owner,
            origin=self.origin,
            phase=self.phase,
            tries=self.tries,
        )


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that waits for a notifier, reduced to the fields by which notifiers choose."""

    delivery_id: str
    job_id: str
    seq: int
    owner: str
    """The id of the API key that submitted the job."""
    origin: str
    phase: Phase
    tries: int
    """The number of recorded attempts of the current schedule."""
    endpoint_id: str | None = None

    @property
    def order_key(self) -> str:
        """See ``order_key_of``."""
        return order_key_of(self.job_id, self.endpoint_id)

    @property
    def is_terminal_event(self) -> bool:
        """See ``Delivery``."""
        return self.phase is not Phase.PROCESSING

    @property
    def is_test(self) -> bool:
        """See ``Delivery``."""
        return self.phase is Phase.TEST

    @property
    def lane(self) -> Lane:
        """The lane in which the delivery waits."""
        return Lane(self.origin, is_retry=self.tries > 0)


@dataclass(frozen=True, slots=True)
class Lane:
    """The waiting deliveries of one origin: either the first attempts or the retries."""

    origin: str
    is_retry: bool


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Reasons why a claimed delivery may not be sent."""

    is_overtaken: bool
    """A later event of the job for the same receiver has a delivery already, in any state."""
    is_muted: bool
    """Deliveries of this owner to this URL are stopped, because the URL answered 410."""


@dataclass(frozen=True, slots=True)
class Release:
    """A delivery that no notifier has sent yet, and that becomes due at *at*, or stays due."""

    delivery_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """The result of a delivery that a notifier had claimed."""

    delivery_id: str
    token: str
    """The token of the claim's lease."""
    state: DeliveryState
    """The new state of the delivery."""
    attempt: DeliveryAttempt | None = None
    """The attempt, if one was made."""
    next_attempt_at: datetime | None = None
    """The time of the next attempt, for ``pending``."""
    reason: str | None = None
    """Why the delivery ended in a state other than ``delivered``, or why it waits."""
    expires_at: datetime | None = None
    """When the delivery is removed automatically."""
    releases: Release | None = None
    """The delivery that waited for this one."""


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """The filters of a listing of deliveries; None means any."""

    owner: str | None = None
    state: DeliveryState | None = None
    origin: str | None = None
    endpoint_id: str | None = None
    after: tuple[datetime, str] | None = None
    """The (created_at, delivery_id) of the last delivery on the previous page."""
    limit: int = 50


def latest_failure(deliveries: Iterable[Delivery]) -> DeliveryAttempt | None:
    """Return the latest failed attempt of *deliveries*; None if none has failed."""
    attempts = (one for each in deliveries for one in each.attempts if not one.has_succeeded)
    return max(attempts, key=lambda one: one.at, default=None)


def delivery_id_of(order_key: str, seq: int) -> str:
    """Return the stable id of the event *seq* of a job for one receiver, see ``order_key_of``."""
    return f"msg_{order_key}_{seq}"


def parse_delivery_id(delivery_id: str) -> tuple[str, int]:
    """Return the order key and the seq in *delivery_id*.

    Raises:
        ValueError: *delivery_id* is not a delivery id.
    """
    prefix, _, rest = delivery_id.partition("_")
    order_key, _, seq = rest.rpartition("_")
    if prefix != "msg" or not order_key:
        raise ValueError(f"not a delivery id: {delivery_id[:100]!r}")
    return order_key, int(seq)
