"""The parameters of a ``media`` job."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from secretary_common.models.file import OBJECT_URL_FORMAT, ROOT_PATH_FORMAT, UPLOAD_FORMAT
from secretary_documents.handlers.parameter import FROZEN, SourceLanguage, checked_as, optional
from secretary_documents.handlers.source import SOURCES
from secretary_documents.providers.transcript import SpeechOptions

TranscriptFile = Literal["vtt", "srt", "json", "txt"]
ALL_FILES: list[TranscriptFile] = ["vtt", "srt", "json", "txt"]
Term = Annotated[str, Field(min_length=1, max_length=100)]


class MediaParameters(BaseModel):
    """The recording to transcribe, and what the transcript should contain."""

    model_config = ConfigDict(
        **FROZEN, json_schema_extra={"oneOf": [{"required": [name]} for name in SOURCES]}
    )

    filename: str | None = optional(
        "A file in one of the service's allowed folders (files.roots); give this, url or file_id.",
        min_length=1,
        max_length=4096,
        json_schema_extra=checked_as(ROOT_PATH_FORMAT),
    )
    url: str | None = optional(
        "The URL of the recording (http, https, s3://bucket/key), or of a video page that the "
        "operator allows (media.yt_dlp_hosts); give this, filename or file_id.",
        min_length=1,
        max_length=8192,
        json_schema_extra=checked_as(OBJECT_URL_FORMAT),
    )
    file_id: str | None = optional(
        "The id of an upload, from POST /api/files; give this, filename or url.",
        min_length=1,
        max_length=100,
        json_schema_extra=checked_as(UPLOAD_FORMAT),
    )
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
        if sum(getattr(self, name) is not None for name in SOURCES) != 1:
            raise ValueError(f"exactly one of {', '.join(SOURCES)} is needed")
        if len(set(self.files)) < len(self.files):
            raise ValueError("files has an item twice")
        return self
