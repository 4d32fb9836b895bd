"""Statistics in answers."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import View


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
