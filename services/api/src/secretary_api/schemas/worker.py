"""Workers and statistics in answers."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import Timestamp, View


class WorkerView(View):
    """A live worker."""

    id: str = Field(description="New at each start of the worker.")
    seen_at: Timestamp
    started_at: Timestamp
    host: str | None = Field(description="For admins; null for others.")
    pid: int | None = Field(description="For admins; null for others.")
    job_types: list[str]
    slots: int = Field(description="How many jobs it runs at once.")
    busy: int = Field(description="How many jobs it runs now, of all API keys.")
    running: list[str] = Field(
        description="The ids of the caller's jobs among them; of all for an admin."
    )
    active: bool = Field(description="False: it starts no jobs (`generic_worker.active`).")
    listening: bool = Field(
        description="Whether it receives doorbells: it has a free slot, and the broker answers."
    )
    unfit: dict[str, str] = Field(
        description="What it lacks to do its jobs, each with a message; it takes none meanwhile. "
        "The messages are empty for all but admins."
    )


class Workers(View):
    """Every live worker."""

    workers: list[WorkerView]


class TypeStats(View):
    """How busy one job type is."""

    model_config = ConfigDict(from_attributes=True)

    waiting: int = Field(description="Pending and due: more workers would start them at once.")
    scheduled: int = Field(description="Pending, for later.")
    running: int
    oldest_wait_sec: float = Field(description="How long the longest waiting job has been due.")


class DeliveryStats(View):
    """The state of the webhooks."""

    pending: int = Field(description="Waiting for an attempt, or being sent now.")
    dead: int = Field(description="Given up, unless they are sent again by hand.")


class Stats(View):
    """How busy the system is."""

    types: dict[str, TypeStats]
    deliveries: DeliveryStats
