"""The parameters of a ``session`` job."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from secretary_common.models import JsonObject, name_fault
from secretary_documents.handlers.parameter import (
    FROZEN,
    Language,
    SourceLanguage,
    TemplateName,
    Url,
    WebUrl,
    optional,
)

Words = Annotated[str, Field(min_length=1, max_length=500)]
# One part of a path; what else a name must not be is said by name_fault.
FileName = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,179}$")]


class SessionParameters(BaseModel):
    """Which talk to document; what is not told is read from its page. Others are context."""

    model_config = ConfigDict(**{**FROZEN, "extra": "allow"})

    url: Url = Field(description="The page of the talk, http or https.")
    event: Words | None = optional("The event the talk belongs to.")
    session: Words | None = optional("The title of the talk.")
    filename: FileName | None = optional(
        "What to call the Markdown file; a name, never a path. Left out: after the title."
    )
    track: Words | None = optional("The track, room or series.")
    day: Words | None = optional("The day, best as YYYY-MM-DD.")
    starttime: Words | None = optional("When it starts, best as HH:MM.")
    endtime: Words | None = optional("When it ends, best as HH:MM.")
    speakers: list[Words] | None = optional("Who speaks.", max_length=100)
    speakers_url: list[Url] | None = optional("Their pages, in the same order.", max_length=100)
    speakers_image_url: list[Url] | None = optional(
        "Their pictures, in the same order.", max_length=100
    )
    video_url: WebUrl | None = optional("The recording; left out: the one the page leads to.")
    attachments_url: WebUrl | None = optional("The slides; left out: those the page leads to.")
    video_transcript: str | None = optional(
        "What was said, if it is known: no captions are looked for then.", min_length=1
    )
    source_language: SourceLanguage = Field(
        default="en", description="The language of the talk, by ISO 639-1, or auto."
    )
    target_language: Language = Field(
        default="de", description="The language of the result, by ISO 639-1."
    )
    template: TemplateName = Field(
        default="Session", description="The name of a template; the language is chosen by itself."
    )
    model: str | None = optional(
        "The model to ask; left out: the one that is configured.", min_length=1, max_length=200
    )
    use_cache: bool = Field(
        default=True,
        description=(
            "Whether pages that were read, speech that was heard and what a model answered before "
            "are used, and kept."
        ),
    )
    create_archive: bool = Field(
        default=True, description="Whether slides become files of the job, beside the Markdown."
    )

    @field_validator("filename")
    @classmethod
    def _check_filename(cls, value: str | None) -> str | None:
        if value is not None and (fault := name_fault(value)):
            raise ValueError(fault)
        return value

    @property
    def others(self) -> JsonObject:
        """What was given besides: values for the template."""
        return dict(self.model_extra or {})
