"""The parameters of a ``media`` job."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from secretary_documents.handlers.parameter import FROZEN, SourceLanguage, optional
from secretary_documents.handlers.source_parameters import (
    ONE_SOURCE,
    check_one_source,
    filename_parameter,
    upload_parameter,
    url_parameter,
)
from secretary_documents.media.media_format import REFUSED
from secretary_documents.providers.transcript import SpeechOptions

TranscriptFile = Literal["vtt", "srt", "json", "txt"]
ALL_FILES: list[TranscriptFile] = ["vtt", "srt", "json", "txt"]
Term = Annotated[str, Field(min_length=1, max_length=100)]


class MediaParameters(BaseModel):
    """The recording to transcribe, and what the transcript should contain."""

    model_config = ConfigDict(**FROZEN, json_schema_extra={"oneOf": ONE_SOURCE})

    filename: str | None = filename_parameter()
    url: str | None = url_parameter(
        "The URL of the recording (http, https, s3://bucket/key), or of a video page that the "
        "operator allows (media.yt_dlp_hosts)"
    )
    file_id: str | None = upload_parameter(REFUSED)
    language: SourceLanguage = Field(
        default="auto", description="The spoken language, by ISO 639-1, or auto."
    )
    prompt: str | None = optional(
        "Words about the recording, for models that take such a hint.",
        min_length=1,
        max_length=2000,
    )
    vocabulary: list[Term] = Field(
        default=[],
        max_length=200,
        description="Names and terms that the model should spell like this.",
    )
    words: bool = Field(
        default=True, description="The times of each word, if the model gives them."
    )
    speakers: bool = Field(
        default=False, description="Labels of the speakers, if the model gives them."
    )
    files: list[TranscriptFile] = Field(
        default=ALL_FILES,
        max_length=4,
        description="The files of the job: captions (vtt, srt), all times (json), the text (txt).",
    )
    use_cache: bool = Field(
        default=True,
        description=(
            "Use and keep transcripts of pieces. Without it, each attempt transcribes all pieces."
        ),
    )

    @property
    def spoken(self) -> str | None:
        """The spoken language; None lets the model detect it."""
        return None if self.language == "auto" else self.language

    @property
    def speech(self) -> SpeechOptions:
        """What the transcript should contain."""
        hints = [self.prompt or "", ", ".join(self.vocabulary)]
        prompt = "\n".join(hint for hint in hints if hint)
        return SpeechOptions(prompt=prompt, words=self.words, speakers=self.speakers)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        check_one_source(self)
        if len(set(self.files)) < len(self.files):
            raise ValueError("files has an item twice")
        return self
