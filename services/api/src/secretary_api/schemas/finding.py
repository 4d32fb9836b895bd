"""What the checks of the installation find, in answers."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import View


class FindingView(View):
    """What one check has found."""

    model_config = ConfigDict(from_attributes=True)

    check: str = Field(description="A stable name.", examples=["broker.refused"])
    level: Literal["ok", "hint", "fault"] = Field(
        description="A hint is about something that only some jobs need."
    )
    message: str
    remedy: str | None = Field(description="What to do.")


class Examination(View):
    """What all checks have found."""

    healthy: bool = Field(description="Whether there is no fault.")
    findings: list[FindingView]
