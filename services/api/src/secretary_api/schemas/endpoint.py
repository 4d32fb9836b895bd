"""Endpoints in requests and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, model_validator
from pydantic.json_schema import SkipJsonSchema

from secretary_api.schemas.delivery import DeliveryAttemptView
from secretary_api.schemas.envelope import Request, Timestamp, View
from secretary_api.schemas.submission import (
    LONGEST_URL,
    ONCE,
    JobType,
    OwnHeaders,
    SigningSecret,
    Tag,
    Time,
)
from secretary_common.models import EndpointKind
from secretary_common.operator_events.fault import FaultKind

WEEK_SEC = 7 * 86_400
JobEvent = Literal["processing", "completed", "failed", "cancelled"]
# One list, so that an answer about a wrong event names its place. A test compares it with the
# phases and the kinds of faults.
Event = Literal[
    "processing",
    "completed",
    "failed",
    "cancelled",
    "receiver.failing",
    "receiver.disabled",
    "delivery.dead",
    "broker.away",
    "job_type.without_worker",
    "disk.low",
]
Events = Annotated[list[Event], Field(min_length=1, max_length=10), ONCE]
JobTypes = Annotated[list[JobType], Field(min_length=1, max_length=50), ONCE]
Tags = Annotated[list[Tag], Field(min_length=1, max_length=50), ONCE]
Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL, strict=True)]
ENDS: tuple[JobEvent, ...] = ("completed", "failed", "cancelled")
EXAMPLE: dict[str, Any] = {
    "url": "https://example.com/events",
    "events": ["completed", "failed"],
    "job_types": ["pdf"],
}


class EndpointRequest(Request):
    """An endpoint to register."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    url: Url
    secret: SigningSecret | None = Field(
        default=None, description="Signs its events; without it, the service's secrets sign them."
    )
    headers: OwnHeaders | None = Field(
        default=None, description="Further headers; the values are stored encrypted."
    )
    kind: EndpointKind = Field(
        default=EndpointKind.JOBS,
        description="`operator`: faults of the system instead of events of jobs; for admins.",
    )
    events: Events | None = Field(
        default=None, description="Null: the ends of jobs, or every kind of fault."
    )
    job_types: JobTypes | None = Field(default=None, description="Null: jobs of every type.")
    tags: Tags | None = Field(default=None, description="Jobs with one of these; null: every job.")
    enabled: StrictBool = True

    @model_validator(mode="after")
    def _fits_its_kind(self) -> EndpointRequest:
        if problem := misfit(self.kind, self.chosen_events, self.job_types or self.tags):
            raise ValueError(problem)
        return self

    @property
    def chosen_events(self) -> list[str]:
        """The events that it gets."""
        if self.events is not None:
            return [*self.events]
        return [*ENDS] if self.kind is EndpointKind.JOBS else [kind.value for kind in FaultKind]


def misfit(kind: EndpointKind, events: Sequence[str], filters: object = None) -> str | None:
    """Return why an endpoint of *kind* cannot have *events* and *filters*; None: it can."""
    if kind is EndpointKind.OPERATOR and filters:
        return "job_types and tags are for endpoints of the kind jobs"
    faults = {one.value for one in FaultKind}
    if any((event in faults) is (kind is EndpointKind.JOBS) for event in events):
        return f"an endpoint of the kind {kind.value} has other events"
    return None


class EndpointChange(Request):
    """What to change of an endpoint; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"enabled": False}})

    url: Url | SkipJsonSchema[None] = None
    headers: OwnHeaders | None = None
    events: Events | SkipJsonSchema[None] = None
    job_types: JobTypes | None = None
    tags: Tags | None = None
    enabled: StrictBool | SkipJsonSchema[None] = None

    @model_validator(mode="after")
    def _keeps_what_it_needs(self) -> EndpointChange:
        for name in ("url", "events", "enabled"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} must not be null")
        return self


class RotationRequest(Request):
    """A new secret of an endpoint."""

    model_config = ConfigDict(json_schema_extra={"example": {"overlap_sec": 3600}})

    secret: SigningSecret | None = Field(default=None, description="Without it, one is made.")
    overlap_sec: float = Field(
        default=86_400,
        ge=0,
        le=WEEK_SEC,
        strict=True,
        description="The old secret signs too for this long.",
    )


class ReplayRequest(Request):
    """The time of the events to send again: [since, until); `until` is now by default."""

    model_config = ConfigDict(json_schema_extra={"example": {"since": "2026-01-01T00:00:00Z"}})

    since: Time
    until: Time | None = None

    @model_validator(mode="after")
    def _in_order(self) -> ReplayRequest:
        if self.until is not None and self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class EndpointView(View):
    """An endpoint without its secrets."""

    id: str = Field(examples=["ep-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60"])
    url: str
    kind: EndpointKind
    events: list[str]
    job_types: list[str] | None
    tags: list[str] | None
    enabled: bool
    headers: list[str] = Field(description="The names of its headers.")
    has_secret: bool
    rotated_until: Timestamp | None = Field(description="The old secret signs too until then.")
    created_at: Timestamp
    updated_at: Timestamp
    last_failure: DeliveryAttemptView | None = Field(
        description="The latest failed attempt among its last 100 webhooks."
    )
    message: str | None = Field(description="The last failure in one sentence.")


class EndpointShown(View):
    """One endpoint."""

    endpoint: EndpointView


class EndpointPage(View):
    """A page of endpoints, newest first."""

    endpoints: list[EndpointView]
    next: str | None = None


class EndpointDeleted(View):
    """The endpoint that was deleted."""

    id: str


class SecretRotated(View):
    """The new secret; only this answer shows it."""

    secret: str = Field(examples=["whsec_…"])
    rotated_until: Timestamp


class Replayed(View):
    """The number of webhooks that are sent again."""

    count: int
