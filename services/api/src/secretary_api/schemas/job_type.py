"""Job types and templates in answers."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import View
from secretary_common.models import JsonObject


class JobTypeView(View):
    """A job type that workers have announced."""

    job_type: str = Field(examples=["pdf"])
    parameter_schema: JsonObject | None = Field(serialization_alias="schema")
    paused: bool = Field(
        description="Jobs of this type are accepted, but they wait and are not started."
    )
    workers: int = Field(description="How many live workers run it.")


class JobTypes(View):
    """Every announced job type."""

    job_types: list[JobTypeView]


class TemplateFieldView(View):
    """A field that a template asks a language model for."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["summary"])
    type: str = Field(description="text, list, int, number, bool or list<column:type, …>.")
    description: str


class TemplateView(View):
    """A template that jobs may name."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["MeetingMinutes"])
    languages: list[str] = Field(
        description="By ISO 639-1; the job's target_language selects one. Empty: only one form."
    )
    fields: list[TemplateFieldView]


class Templates(View):
    """Every announced template."""

    templates: list[TemplateView]
