"""Workers over the wire."""

from __future__ import annotations

from pydantic import Field

from secretary_api.schemas.envelope import Timestamp, View


class WorkerView(View):
    """A worker that lives."""

    id: str = Field(description="New at each start of the worker.")
    seen_at: Timestamp
    started_at: Timestamp
    host: str | None = Field(description="For admins; null for others.")
    pid: int | None = Field(description="For admins; null for others.")
    job_types: list[str]
    slots: int = Field(description="How many jobs it runs at once.")
    busy: int = Field(description="How many it runs now, whosever they are.")
    running: list[str] = Field(description="The ids of those of the caller; of all for an admin.")
    active: bool = Field(description="False: it takes no jobs (`generic_worker.active`).")
    listening: bool = Field(
        description="Whether it hears doorbells: it has a free slot, and a broker that answers."
    )


class Workers(View):
    """Every worker that lives."""

    workers: list[WorkerView]
