"""Transcribes pieces of audio by OpenAI's ``/audio/transcriptions``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.provider import TranscriptionSection
from secretary_documents.providers.connection import (
    FormFile,
    OpenClient,
    ProviderRequest,
    ProviderResponse,
    Timing,
)
from secretary_documents.providers.provider import Provider, ProviderClient, open_client
from secretary_documents.providers.response import ProviderRefused
from secretary_documents.providers.transcript import PLAIN, AudioPiece, SpeechOptions, Transcript
from secretary_documents.providers.transcription_response import read_transcript

PATH = "/audio/transcriptions"
_FORMAT_REFUSED = re.compile(
    r"response.?format|verbose.?json|diarized.?json|granularit|chunking.?strategy", re.IGNORECASE
)
_REFUSING = (400, 415, 422)
_SPEAKERS = "diarized_json"
_TEXT_ONLY = "json"


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """A form in which a provider returns a transcript."""

    name: str
    granularities: tuple[str, ...] = ()
    """What should have times."""

    @property
    def fields(self) -> dict[str, str | Sequence[str]]:
        """The fields of a request that ask for this form."""
        if self.name == _SPEAKERS:
            return {"response_format": self.name, "chunking_strategy": "auto"}
        if self.granularities:
            times = {"timestamp_granularities[]": list(self.granularities)}
            return {"response_format": self.name, **times}
        return {"response_format": self.name}


class Transcriber(Protocol):
    """Transcribes pieces of audio."""

    def check_configured(self) -> None:
        """Check that the provider is configured.

        Raises:
            PermanentError: TRANSCRIPTION_NOT_CONFIGURED, with the missing settings.
        """
        ...

    async def transcribe(
        self,
        piece: AudioPiece,
        *,
        language: str | None,
        resources: ResourceCalculator,
        options: SpeechOptions = PLAIN,
    ) -> Transcript:
        """Transcribe *piece*. Times are counted from the beginning of the recording.

        Args:
            piece: the audio, at most ``max_piece_mb``.
            language: ISO 639-1; None lets the model detect the language.
            resources: counts requests and cost.
            options: what the transcript should contain. A model that cannot give it leaves it out.

        Raises:
            PermanentError: TRANSCRIPTION_NOT_CONFIGURED; FILE_TOO_LARGE; PROVIDER_…
            TransientError: PROVIDER_…
        """
        ...


class TranscriptionClient(ProviderClient):
    """A ``Transcriber`` that uses a provider. One instance serves all jobs."""

    def __init__(
        self,
        section: TranscriptionSection,
        *,
        open_client: OpenClient = open_client,
        timing: Timing | None = None,
    ) -> None:
        self._section = section
        self.provider = Provider(section, open_client=open_client, timing=timing)
        self._refused: set[ResponseFormat] = set()
        """The forms that the server has refused. Newer models return only text."""

    async def transcribe(
        self,
        piece: AudioPiece,
        *,
        language: str | None,
        resources: ResourceCalculator,
        options: SpeechOptions = PLAIN,
    ) -> Transcript:
        """See ``Transcriber``."""
        self.check_configured()
        limit = int(self._section.max_piece_mb * 2**20)
        if len(piece.content) > limit:
            message = (
                f"a piece of audio has {len(piece.content)} bytes; at most {limit} are allowed"
            )
            raise PermanentError(message, code=ErrorCode.FILE_TOO_LARGE)
        response = await self._ask(piece, language, resources, options)
        transcript = read_transcript(self.provider.name, response.data, piece)
        cost = piece.duration_sec / 60 * self._section.price_per_minute
        resources.add_cost(self._section.model, cost)
        return transcript

    async def _ask(
        self,
        piece: AudioPiece,
        language: str | None,
        resources: ResourceCalculator,
        options: SpeechOptions,
    ) -> ProviderResponse:
        """Ask for the richest form that the server has not refused yet."""
        async with self.provider.connected(resources) as connection:
            for form in formats_for(options):
                if form in self._refused:
                    continue
                try:
                    return await connection.send(self._request(piece, language, options, form))
                except ProviderRefused as error:
                    is_about_form = _FORMAT_REFUSED.search(error.reason)
                    if (
                        form.name == _TEXT_ONLY
                        or error.status not in _REFUSING
                        or not is_about_form
                    ):
                        raise
                self._refused.add(form)
        raise RuntimeError("text alone is never refused")

    def _request(
        self,
        piece: AudioPiece,
        language: str | None,
        options: SpeechOptions,
        wanted: ResponseFormat,
    ) -> ProviderRequest:
        form: dict[str, str | Sequence[str]] = {"model": self._section.model, **wanted.fields}
        if language:
            form["language"] = language
        if options.prompt:
            form["prompt"] = options.prompt
        file = FormFile(piece.name, piece.content, piece.content_type)
        return ProviderRequest("POST", PATH, form=form, file=file)


def formats_for(options: SpeechOptions) -> list[ResponseFormat]:
    """Return the forms to ask for, the richest first."""
    verbose = "verbose_json"
    return [
        *([ResponseFormat(_SPEAKERS)] if options.speakers else []),
        *([ResponseFormat(verbose, ("word", "segment"))] if options.words else []),
        ResponseFormat(verbose, ("segment",)),
        ResponseFormat(_TEXT_ONLY),
    ]
