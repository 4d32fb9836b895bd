"""Workers in answers."""

from __future__ import annotations

from pydantic import Field

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


class Workers(View):
    """Every live worker."""

    workers: list[WorkerView]
