"""Webhook deliveries in requests and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from secretary_api.schemas.envelope import PageSize, Request, Timestamp, View
from secretary_api.schemas.submission import LONGEST_URL, Receiver, SigningSecret, Time
from secretary_common.models.states import DeliveryState, Phase

NewerWord = Annotated[
    str, Field(description="A word of a newer version, while two versions run side by side.")
]
EXAMPLE_DELIVERY_ID = "msg_job-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60_7"


class DeliveryAttemptView(View):
    """One attempt to send a webhook."""

    model_config = ConfigDict(from_attributes=True)

    at: Timestamp
    status_code: int | None
    duration_ms: int
    address: str | None = Field(description="The address that the notifier connected to.")
    error: str | None = Field(description="Why there is no complete answer: `<class>: <message>`.")
    response: str | None = Field(description="The first 4 KiB of the answer.")


class WaitView(View):
    """What a webhook waits for."""

    why: Literal["breaker", "schedule", "notifier", "turn"] = Field(
        description="`breaker`: its receiver is paused after failures. `schedule`: the time of its "
        "next attempt. `notifier`: no notifier is alive. `turn`: it is due; others go first."
    )
    until: Timestamp | None


class DeliveryView(View):
    """A webhook on its way, or its outcome."""

    id: str = Field(description="The `webhook-id` on the wire.", examples=[EXAMPLE_DELIVERY_ID])
    job_id: str | None = Field(description="Null for a test, which has no job.")
    endpoint_id: str | None = Field(description="Null: the job's own webhook, or a test.")
    seq: int
    phase: Phase | NewerWord
    state: DeliveryState | NewerWord
    url: str = Field(
        description="Its receiver, without password and without the values of its query.",
        examples=["https://example.com/webhook?sig=[redacted]"],
    )
    receiver: str = Field(
        description="The origin, whose webhooks wait together; for the filter `receiver`.",
        examples=["https://example.com:443"],
    )
    created_at: Timestamp
    next_attempt_at: Timestamp | None
    wait: WaitView | None = Field(description="Null: it is being sent, or it has ended.")
    muted_until: Timestamp | None = Field(
        description="The URL answered 410: it gets no events of this key before this time."
    )
    reason: str | None = Field(description="Why the delivery ended undelivered, or why it waits.")
    attempts: list[DeliveryAttemptView]


class DeliveryPage(View):
    """A page of webhooks."""

    deliveries: list[DeliveryView]
    next: str | None = None
    """The cursor of the next page; null on the last page."""


class PageQuery(Request):
    """The page of a listing to return."""

    limit: PageSize = 50
    cursor: str | None = Field(default=None, description="`next` of the page before.")


class DeliveryFilter(PageQuery):
    """The filters of a listing of deliveries."""

    status: DeliveryState | None = None
    receiver: str | None = Field(
        default=None,
        max_length=LONGEST_URL,
        json_schema_extra={"pattern": "^($|[Hh][Tt][Tt][Pp][Ss]?://)"},
        description="An origin, or a URL with this origin: https://example.com/webhook.",
    )
    endpoint: str | None = Field(default=None, max_length=100, description="The id of an endpoint.")


class ReceiverView(View):
    """A receiver of webhooks that is busy or in trouble."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "receiver": "https://example.com:443",
                "endpoint_id": None,
                "breaker": "open",
                "open_until": "2026-01-01T00:00:30.000Z",
                "in_flight": 0,
                "waiting": 64,
                "failures": 10,
                "last_at": "2026-01-01T00:00:00.000Z",
                "last_status": 503,
                "last_error": None,
            }
        }
    )

    receiver: str = Field(description="Its origin: scheme, host and port.")
    endpoint_id: str | None = Field(description="Each endpoint has a breaker of its own.")
    breaker: Literal["closed", "open", "probing"] = Field(
        description="`open`: it gets nothing until `open_until`, then one probe (`probing`)."
    )
    open_until: Timestamp | None
    in_flight: int
    waiting: int = Field(description="In the memory of the notifiers; more may wait in the store.")
    failures: int = Field(description="Failures since the last success.")
    last_at: Timestamp | None = Field(description="When the last attempt ended.")
    last_status: int | None
    last_error: str | None = Field(description="The class of the error, if no answer came.")


class Receivers(View):
    """The receivers that are busy or in trouble."""

    receivers: list[ReceiverView]


class DeliveryResent(View):
    """A webhook that is sent again."""

    delivery: DeliveryView


class RecoverRequest(Request):
    """Names the webhooks to send again: all dead webhooks created in [since, until)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T06:00:00Z"}
        }
    )

    since: Time
    until: Time

    @model_validator(mode="after")
    def _in_order(self) -> RecoverRequest:
        if self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class Recovered(View):
    """The number of webhooks that are sent again."""

    count: int


class TrialRequest(Receiver):
    """A receiver to test."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"url": "https://example.com/webhook", "token": "a token"}}
    )

    url: str = Field(
        min_length=1, max_length=LONGEST_URL, strict=True, examples=["https://example.com/webhook"]
    )
    secret: SigningSecret | None = None
