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
    slots: int = Field(description="How many jobs the worker runs at once.")
    busy: int = Field(description="How many jobs of all API keys the worker runs now.")
    running: list[str] = Field(description="The ids of the running jobs that the caller may see.")
    active: bool = Field(description="False: the worker starts no jobs (`generic_worker.active`).")
    listening: bool = Field(
        description="Whether the worker receives doorbells: a slot is free, and the broker answers."
    )
    unfit: dict[str, str] = Field(
        description="What it lacks to do its jobs, each with a message; it takes none meanwhile. "
        "The messages are empty for all but admins."
    )


class Workers(View):
    """Every live worker."""

    workers: list[WorkerView]


class TypeStats(View):
    """The waiting, scheduled and running jobs of one job type."""

    model_config = ConfigDict(from_attributes=True)

    waiting: int = Field(description="Pending and due: more workers would start them at once.")
    scheduled: int = Field(description="Pending, for later.")
    running: int
    oldest_wait_sec: float = Field(description="How long the longest waiting job has been due.")


class DeliveryStats(View):
    """The numbers of waiting and dead webhooks."""

    pending: int = Field(description="Waiting for an attempt, or being sent now.")
    dead: int = Field(description="Given up; a client can send them again.")


class Stats(View):
    """The waiting and the running work of the system."""

    counted_at: Timestamp
    types: dict[str, TypeStats]
    deliveries: DeliveryStats
