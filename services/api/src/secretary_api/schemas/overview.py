"""The overview of the system in answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from secretary_api.schemas.delivery import ReceiverView
from secretary_api.schemas.envelope import Timestamp, View
from secretary_api.schemas.job import JobSummary
from secretary_api.schemas.worker import DeliveryStats, TypeStats, WorkerView

EXAMPLE: dict[str, Any] = {
    "counted_at": "2026-01-01T12:00:00.000Z",
    "types": {
        "pdf": {
            "waiting": 12,
            "scheduled": 1,
            "running": 4,
            "oldest_wait_sec": 3.2,
            "completed": 812,
            "failed": 3,
            "cancelled": 0,
            "workers": 2,
            "paused": False,
        }
    },
    "history": {
        "since": "2026-01-01T11:00:00.000Z",
        "minutes": [
            {"at": "2026-01-01T11:59:00.000Z", "completed": 14, "failed": 0, "cancelled": 0}
        ],
        "waited": {"p50": 0.012, "p95": 1.4},
        "ran": {"p50": 2.1, "p95": 19.0},
    },
    "deliveries": {"pending": 2, "dead": 0},
    "receivers": [],
    "notifiers": True,
    "broker": "connected",
    "workers": [],
    "running": [],
    "waiting_by_key": [{"key_id": "0123456789ab", "name": "the wiki", "waiting": 12, "most": 1000}],
}


class TypeOverview(TypeStats):
    """The jobs of one job type: now, and those that ended in the last hour."""

    completed: int
    failed: int
    cancelled: int
    workers: int = Field(description="How many active live workers run the type.")
    paused: bool


class MinuteView(View):
    """The jobs that ended in one minute."""

    model_config = ConfigDict(from_attributes=True)

    at: Timestamp
    completed: int
    failed: int
    cancelled: int


class PercentilesView(View):
    """Durations in seconds, known to about a tenth of their value."""

    model_config = ConfigDict(from_attributes=True)

    p50: float
    p95: float


class HistoryView(View):
    """The jobs that ended in the last hour."""

    model_config = ConfigDict(from_attributes=True)

    since: Timestamp = Field(
        description="The start of what is known: an hour ago, or later for a minute after the "
        "first request."
    )
    minutes: list[MinuteView]
    waited: PercentilesView | None = Field(
        description="From the time at which the last attempt was due to its start; null without "
        "an attempt."
    )
    ran: PercentilesView | None = Field(description="The last attempt; null without one.")


class KeyBacklog(View):
    """The waiting jobs of one API key."""

    key_id: str
    name: str | None = Field(description="Null: the key is deleted, or it is the bootstrap key.")
    waiting: int
    most: int | None = Field(description="Its limit `max_pending`; null without one.")

    @property
    def is_full(self) -> bool:
        """Whether further jobs of the key are refused."""
        return self.most is not None and self.waiting >= self.most


class Overview(View):
    """The state of the system, a few seconds old."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    counted_at: Timestamp
    types: dict[str, TypeOverview]
    history: HistoryView
    deliveries: DeliveryStats
    receivers: list[ReceiverView] = Field(description="As `GET /api/receivers`.")
    notifiers: bool = Field(description="Whether a notifier is alive.")
    broker: Literal["connected", "disconnected", "none"] = Field(
        description="RabbitMQ, as this process of the API sees it. `none`: there is no broker, and "
        "all services poll."
    )
    workers: list[WorkerView] = Field(description="As `GET /api/workers`.")
    running: list[JobSummary] = Field(
        description="The running jobs that have changed least recently, at most 10."
    )
    waiting_by_key: list[KeyBacklog] | None = Field(
        description="The keys with the most waiting jobs, at most 5, and further keys at their "
        "limit, at most 5; null for all but admins."
    )
