"""The parameters of a ``session`` job."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from secretary_common.models import JsonObject, name_fault
from secretary_common.models.file import OBJECT_URL_FORMAT
from secretary_documents.handlers.parameter import (
    FROZEN,
    FileUrl,
    Language,
    SourceLanguage,
    TemplateName,
    Url,
    checked_as,
    optional,
    optional_model,
)

Words = Annotated[str, Field(min_length=1, max_length=500)]
# One part of a path. name_fault checks the rest.
FileName = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,179}$")]


class SessionParameters(BaseModel):
    """The talk to document. Facts that are not given come from its page.

    Parameters with other names are values for the template.
    """

    model_config = ConfigDict(**{**FROZEN, "extra": "allow"})

    url: Url = Field(description="The page of the talk, http or https.")
    event: Words | None = optional("The event to which the talk belongs.")
    session: Words | None = optional("The title of the talk.")
    filename: FileName | None = optional(
        "The name of the Markdown file, never a path; by default the title."
    )
    track: Words | None = optional("The track, room or series.")
    day: Words | None = optional("The day, best as YYYY-MM-DD.")
    starttime: Words | None = optional("The start of the talk, best as HH:MM.")
    endtime: Words | None = optional("The end of the talk, best as HH:MM.")
    speakers: list[Words] | None = optional("The names of the speakers.", max_length=100)
    speakers_url: list[Url] | None = optional(
        "The pages of the speakers, in the same order.", max_length=100
    )
    speakers_image_url: list[Url] | None = optional(
        "The pictures of the speakers, in the same order.", max_length=100
    )
    video_url: FileUrl | None = optional(
        "The recording (http, https, s3://bucket/key); by default one that the page links.",
        json_schema_extra=checked_as(OBJECT_URL_FORMAT),
    )
    attachments_url: FileUrl | None = optional(
        "Slides (http, https, s3://bucket/key); the job also reads slides that the page links.",
        json_schema_extra=checked_as(OBJECT_URL_FORMAT),
    )
    video_transcript: str | None = optional(
        "The transcript, if it is known; then captions and recording are not used.", min_length=1
    )
    source_language: SourceLanguage = Field(
        default="en", description="The language of the talk, by ISO 639-1, or auto."
    )
    target_language: Language = Field(
        default="de", description="The language of the result, by ISO 639-1."
    )
    template: TemplateName = Field(
        default="Session",
        description="The name of a template; target_language selects its language.",
    )
    model: str | None = optional_model()
    use_cache: bool = Field(
        default=True,
        description=(
            "Whether cached pages, transcripts and answers of the model are used, and new ones "
            "are cached."
        ),
    )
    create_archive: bool = Field(
        default=True,
        description="Whether slides become files of the job, in addition to the Markdown.",
    )

    @field_validator("filename")
    @classmethod
    def _check_filename(cls, value: str | None) -> str | None:
        if value is not None and (fault := name_fault(value)):
            raise ValueError(fault)
        return value

    @property
    def extra(self) -> JsonObject:
        """The parameters with other names: values for the template."""
        return dict(self.model_extra or {})
