"""Has speech written down behind OpenAI's ``/audio/transcriptions``, and puts pieces together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.settings.provider import TranscriptionSection
from secretary_documents.providers.call import Attachment, Call, Reply
from secretary_documents.providers.provider import Provider, ProviderClient, Timing
from secretary_documents.providers.response import InvalidResponse, ProviderRefused

PATH = "/audio/transcriptions"
_FORMAT_REFUSED = re.compile(r"response.?format|verbose.?json|granularit", re.IGNORECASE)
_REFUSING = (400, 415, 422)


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """A part of a recording."""

    name: str
    """A file name whose ending tells the format: mp3, m4a, ogg, wav, webm, flac."""
    content: bytes
    content_type: str
    offset_sec: float
    """Where it begins in the whole."""
    duration_sec: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech."""

    start_sec: float
    end_sec: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a recording."""

    segments: tuple[Segment, ...]
    """By time; where the model tells no times, one for each piece."""
    language: str | None
    """As the model names it."""

    @property
    def text(self) -> str:
        """All of it, in one line."""
        return " ".join(segment.text for segment in self.segments)


class Transcriber(Protocol):
    """Writes down what is said."""

    def check_configured(self) -> None:
        """Refuse what cannot work yet.

        Raises:
            PermanentError: TRANSCRIPTION_NOT_CONFIGURED, with the settings to make.
        """
        ...

    async def transcribe(
        self, piece: AudioPiece, *, language: str | None, resources: ResourceCalculator
    ) -> Transcript:
        """What is said in *piece*, its times counted from the beginning of the whole.

        Args:
            piece: of at most ``max_piece_mb``.
            language: ISO 639-1; None lets the model find out.
            resources: counts calls and cost.

        Raises:
            PermanentError: TRANSCRIPTION_NOT_CONFIGURED; FILE_TOO_LARGE; PROVIDER_…
            TransientError: PROVIDER_…
        """
        ...


class TranscriptionClient(ProviderClient):
    """A ``Transcriber`` that asks a provider. One instance serves all jobs."""

    def __init__(self, section: TranscriptionSection, *, timing: Timing | None = None) -> None:
        self._section = section
        self.provider = Provider(section, timing=timing)
        self._tells_times = True
        """Until the server refuses ``verbose_json``: newer models give the text alone."""

    async def transcribe(
        self, piece: AudioPiece, *, language: str | None, resources: ResourceCalculator
    ) -> Transcript:
        """See ``Transcriber``."""
        self.check_configured()
        limit = int(self._section.max_piece_mb * 2**20)
        if len(piece.content) > limit:
            message = f"a piece of audio has {len(piece.content)} bytes; {limit} are taken"
            raise PermanentError(message, code=ErrorCode.FILE_TOO_LARGE)
        reply = await self._ask(piece, language, resources)
        transcript = read_transcript(self.provider.name, reply.data, piece)
        cost = piece.duration_sec / 60 * self._section.price_per_minute
        resources.add_cost(self._section.model, cost)
        return transcript

    async def _ask(
        self, piece: AudioPiece, language: str | None, resources: ResourceCalculator
    ) -> Reply:
        async with self.provider.connected(resources) as connection:
            try:
                return await connection.call(self._call(piece, language))
            except ProviderRefused as error:
                refuses_times = error.status in _REFUSING and _FORMAT_REFUSED.search(error.reason)
                if not (self._tells_times and refuses_times):
                    raise
            self._tells_times = False
            return await connection.call(self._call(piece, language))

    def _call(self, piece: AudioPiece, language: str | None) -> Call:
        form: dict[str, str | Sequence[str]] = {"model": self._section.model}
        form["response_format"] = "json"
        if self._tells_times:
            form["response_format"] = "verbose_json"
            form["timestamp_granularities[]"] = ["segment"]
        if language:
            form["language"] = language
        attachment = Attachment(piece.name, piece.content, piece.content_type)
        return Call("POST", PATH, form=form, attachment=attachment)


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Segment(_Lenient):
    start: float
    end: float
    text: str


class _Body(_Lenient):
    text: str
    language: str | None = None
    segments: list[_Segment] | None = None


def read_transcript(provider: str, body: JsonObject, piece: AudioPiece) -> Transcript:
    """The transcript in the answer *body*: with its segments, or as one over the whole *piece*.

    Raises:
        PermanentError: PROVIDER_INVALID_ANSWER.
    """
    try:
        parsed = _Body.model_validate(body)
    except ValidationError:
        raise InvalidResponse(provider, "it is no transcription") from None
    told = parsed.segments or [_Segment(start=0, end=piece.duration_sec, text=parsed.text)]
    if not all(math.isfinite(one.start) and math.isfinite(one.end) for one in told):
        raise InvalidResponse(provider, "its times are no numbers")
    segments = (_within(one, piece) for one in told)
    return Transcript(tuple(one for one in segments if one.text), parsed.language)


def _within(told: _Segment, piece: AudioPiece) -> Segment:
    """Models let the last segment end after the piece does."""
    start = min(max(told.start, 0.0), piece.duration_sec)
    end = min(max(told.end, start), piece.duration_sec)
    offset = piece.offset_sec
    return Segment(round(offset + start, 3), round(offset + end, 3), " ".join(told.text.split()))


def merge_transcripts(transcripts: Iterable[Transcript]) -> Transcript:
    """One transcript of all the pieces, by time; the language most of the speech is in.

    Where times overlap, as models' do, a segment begins when the one before has ended.
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
