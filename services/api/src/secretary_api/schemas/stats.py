"""Statistics over the wire."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import View


class TypeStats(View):
    """How busy one job type is."""

    model_config = ConfigDict(from_attributes=True)

    waiting: int = Field(description="Pending and due: what more workers would take at once.")
    scheduled: int = Field(description="Pending, for later.")
    running: int
    oldest_wait_sec: float = Field(description="How long the longest waiting job has been due.")


class Stats(View):
    """How busy the system is."""

    types: dict[str, TypeStats]
