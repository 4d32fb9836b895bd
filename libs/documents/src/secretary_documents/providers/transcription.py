"""Transcribes pieces of audio by OpenAI's ``/audio/transcriptions``, and merges transcripts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import ValidationError

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import TranscriptionSection
from secretary_documents.providers.connection import (
    FormFile,
    OpenClient,
    ProviderRequest,
    ProviderResponse,
    Timing,
)
from secretary_documents.providers.provider import Provider, ProviderClient, open_client
from secretary_documents.providers.response import InvalidResponse, ProviderRefused, ResponseModel

PATH = "/audio/transcriptions"
_FORMAT_REFUSED = re.compile(r"response.?format|verbose.?json|granularit", re.IGNORECASE)
_REFUSING = (400, 415, 422)


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """A piece of a recording."""

    name: str
    """A file name whose suffix names the format: mp3, m4a, ogg, wav, webm, flac."""
    content: bytes
    content_type: str
    offset_sec: float
    """The place in the recording where the piece begins."""
    duration_sec: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A spoken text with its start and its end."""

    start_sec: float
    end_sec: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of a piece, or of several pieces."""

    segments: tuple[Segment, ...]
    """The segments in order. If the model reports no times, each piece is one segment."""
    language: str | None
    """The language, as the model names it."""

    @property
    def text(self) -> str:
        """The whole text in one line."""
        return " ".join(segment.text for segment in self.segments)


class Transcriber(Protocol):
    """Transcribes pieces of audio."""

    def check_configured(self) -> None:
        """Check that the provider is configured.

        Raises:
            PermanentError: TRANSCRIPTION_NOT_CONFIGURED, with the missing settings.
        """
        ...

    async def transcribe(
        self, piece: AudioPiece, *, language: str | None, resources: ResourceCalculator
    ) -> Transcript:
        """Transcribe *piece*. Times are counted from the beginning of the recording.

        Args:
            piece: the audio, at most ``max_piece_mb``.
            language: ISO 639-1; None lets the model detect the language.
            resources: counts requests and cost.

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
        self._has_times = True
        """False once the server has refused ``verbose_json``. Newer models return only text."""

    async def transcribe(
        self, piece: AudioPiece, *, language: str | None, resources: ResourceCalculator
    ) -> Transcript:
        """See ``Transcriber``."""
        self.check_configured()
        limit = int(self._section.max_piece_mb * 2**20)
        if len(piece.content) > limit:
            message = (
                f"a piece of audio has {len(piece.content)} bytes; at most {limit} are allowed"
            )
            raise PermanentError(message, code=ErrorCode.FILE_TOO_LARGE)
        response = await self._ask(piece, language, resources)
        transcript = read_transcript(self.provider.name, response.data, piece)
        cost = piece.duration_sec / 60 * self._section.price_per_minute
        resources.add_cost(self._section.model, cost)
        return transcript

    async def _ask(
        self, piece: AudioPiece, language: str | None, resources: ResourceCalculator
    ) -> ProviderResponse:
        async with self.provider.connected(resources) as connection:
            try:
                return await connection.send(self._request(piece, language))
            except ProviderRefused as error:
                refuses_times = error.status in _REFUSING and _FORMAT_REFUSED.search(error.reason)
                if not (self._has_times and refuses_times):
                    raise
            self._has_times = False
            return await connection.send(self._request(piece, language))

    def _request(self, piece: AudioPiece, language: str | None) -> ProviderRequest:
        form: dict[str, str | Sequence[str]] = {"model": self._section.model}
        form["response_format"] = "json"
        if self._has_times:
            form["response_format"] = "verbose_json"
            form["timestamp_granularities[]"] = ["segment"]
        if language:
            form["language"] = language
        file = FormFile(piece.name, piece.content, piece.content_type)
        return ProviderRequest("POST", PATH, form=form, file=file)


class _Segment(ResponseModel):
    start: float
    end: float
    text: str


class _Body(ResponseModel):
    text: str
    language: str | None = None
    segments: list[_Segment] | None = None


def read_transcript(provider: str, body: JsonObject, piece: AudioPiece) -> Transcript:
    """Return the transcript in *body*: its segments, or one segment for the whole *piece*.

    Raises:
        PermanentError: PROVIDER_INVALID_ANSWER.
    """
    try:
        parsed = _Body.model_validate(body)
    except ValidationError:
        raise InvalidResponse(provider, "it is not a transcription") from None
    found = parsed.segments or [_Segment(start=0, end=piece.duration_sec, text=parsed.text)]
    if not all(math.isfinite(one.start) and math.isfinite(one.end) for one in found):
        raise InvalidResponse(provider, "its times are not numbers")
    segments = (_within(one, piece) for one in found)
    return Transcript(tuple(one for one in segments if one.text), parsed.language)


def _within(found: _Segment, piece: AudioPiece) -> Segment:
    """Return the segment *found* with its times limited to *piece*.

    A model's last segment may end after the piece.
    """
    start = min(max(found.start, 0.0), piece.duration_sec)
    end = min(max(found.end, start), piece.duration_sec)
    offset = piece.offset_sec
    return Segment(round(offset + start, 3), round(offset + end, 3), " ".join(found.text.split()))


def merge_transcripts(transcripts: Iterable[Transcript]) -> Transcript:
    """Return one transcript of all pieces, in order of time.

    Its language is the language with the most text. If the model's times overlap, a segment begins
    at the end of the previous segment.
    """
    parts = list(transcripts)
    merged: list[Segment] = []
    for segment in sorted(
        (one for part in parts for one in part.segments), key=lambda one: one.start_sec
    ):
        last_end = merged[-1].end_sec if merged else 0.0
        start = max(segment.start_sec, last_end)
        merged.append(replace(segment, start_sec=start, end_sec=max(segment.end_sec, start)))
    return Transcript(tuple(merged), _main_language(parts))


def _main_language(parts: Sequence[Transcript]) -> str | None:
    spoken: dict[str, int] = {}
    for part in parts:
        if part.language:
            spoken[part.language] = spoken.get(part.language, 0) + len(part.text)
    return max(spoken, key=lambda language: spoken[language], default=None)
