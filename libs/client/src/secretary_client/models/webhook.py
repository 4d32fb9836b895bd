"""Webhooks and their receivers. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import TypedDict


class DeliveryAttempt(TypedDict):
    """One request to a receiver."""

    at: str
    status_code: int | None
    duration_ms: int
    address: str | None
    error: str | None
    response: str | None


class Wait(TypedDict):
    """Why a webhook is not sent yet."""

    why: str
    until: str | None


class Delivery(TypedDict):
    """A webhook with its attempts."""

    id: str
    job_id: str | None
    endpoint_id: str | None
    seq: int
    phase: str
    state: str
    url: str
    receiver: str
    created_at: str
    next_attempt_at: str | None
    wait: Wait | None
    muted_until: str | None
    reason: str | None
    attempts: list[DeliveryAttempt]


class DeliveryFilter(TypedDict, total=False):
    """Filters that select webhooks; None: any."""

    status: str | None
    receiver: str | None
    """An origin, or a URL with this origin."""
    endpoint: str | None


class Receiver(TypedDict):
    """A receiver of webhooks that is busy or in trouble."""

    receiver: str
    endpoint_id: str | None
    breaker: str
    open_until: str | None
    in_flight: int
    waiting: int
    failures: int
    last_at: str | None
    last_status: int | None
    last_error: str | None


class WebhookFields(TypedDict, total=False):
    """What a receiver of a test gets besides the event."""

    token: str
    secret: str
    headers: dict[str, str]


class Endpoint(TypedDict):
    """A receiver that a key registered for the events of its jobs."""

    id: str
    url: str
    kind: str
    """``jobs``, or ``operator``: it gets faults of the system."""
    events: list[str]
    job_types: list[str] | None
    tags: list[str] | None
    enabled: bool
    headers: list[str]
    """The names of its headers."""
    has_secret: bool
    rotated_until: str | None
    created_at: str
    updated_at: str
    last_failure: DeliveryAttempt | None
    message: str | None


class EndpointFields(TypedDict, total=False):
    """The fields of an endpoint; None removes a filter or all headers."""

    events: list[str]
    job_types: list[str] | None
    tags: list[str] | None
    headers: dict[str, str] | None
    enabled: bool


class RotatedSecret(TypedDict):
    """A new secret of an endpoint; only this answer shows it."""

    secret: str
    rotated_until: str
