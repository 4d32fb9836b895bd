"""A cache of transcripts, so that a later attempt need not pay for the same audio again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_documents.providers.transcript import (
    PLAIN,
    AudioPiece,
    Segment,
    SpeechOptions,
    Transcript,
    Word,
)
from secretary_documents.providers.transcription import Transcriber

VERSION = 1
"""Raise this number when the form of the cached entries changes."""


class CachedTranscriber:
    """A ``Transcriber`` with a cache. It passes pieces that are not cached to another transcriber.

    A recording is cut in the same way each time. So a new attempt continues where the last attempt
    stopped.
    """

    def __init__(
        self, transcriber: Transcriber, cache: CacheRepository, *, base_url: str, model: str
    ) -> None:
        """Wire the cache to the transcriber.

        Args:
            transcriber: transcribes pieces that are not in the cache.
            cache: keeps transcripts. It raises nothing; if MongoDB fails, each lookup is a miss.
            base_url: the provider's address. Models of the same name differ between providers.
            model: the model that *transcriber* uses.
        """
        self._transcriber = transcriber
        self._cache = cache
        self._model = {"base_url": base_url.rstrip("/"), "model": model}

    def check_configured(self) -> None:
        """See ``Transcriber``."""
        self._transcriber.check_configured()

    async def transcribe(
        self,
        piece: AudioPiece,
        *,
        language: str | None,
        resources: ResourceCalculator,
        options: SpeechOptions = PLAIN,
    ) -> Transcript:
        """See ``Transcriber``. A piece in the cache costs no request."""
        key = self._key(piece, language, options)
        entry = (await self._cache.get_many([key])).get(key)
        if entry is not None and (cached := _transcript_of(entry, piece.offset_sec)):
            return cached
        transcript = await self._transcriber.transcribe(
            piece, language=language, resources=resources, options=options
        )
        await self._cache.put_many({key: _entry_of(transcript, piece.offset_sec)})
        return transcript

    def _key(self, piece: AudioPiece, language: str | None, options: SpeechOptions) -> str:
        """Return the cache key of the transcript of *piece*.

        The key does not depend on the recording or on the piece's place in the recording.
        """
        sound = hashlib.sha256(piece.content).hexdigest()
        content = {**self._model, "version": VERSION, "language": language, "sound": sound}
        # A plain transcript has the key that it had before there were options.
        content |= {name: value for name, value in asdict(options).items() if value}
        canonical = json.dumps(content, sort_keys=True)
        return f"transcript:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _entry_of(transcript: Transcript, offset_sec: float) -> JsonObject:
    """Return the cache entry of *transcript*. Its times count from the beginning of the piece."""
    segments = [
        [one.start_sec - offset_sec, one.end_sec - offset_sec, one.text, one.speaker]
        for one in transcript.segments
    ]
    words = [
        [one.start_sec - offset_sec, one.end_sec - offset_sec, one.text] for one in transcript.words
    ]
    return {
        "segments": segments,
        "language": transcript.language,
        "words": words,
        "has_times": transcript.has_times,
    }


def _transcript_of(entry: JsonObject, offset_sec: float) -> Transcript | None:
    """Return the transcript in *entry*; None if the entry has the form of another version."""

    def moved(start: float, end: float) -> tuple[float, float]:
        return round(offset_sec + start, 3), round(offset_sec + end, 3)

    # Entries of earlier versions have no speakers, no words and no ``has_times``.
    try:
        return Transcript(
            tuple(Segment(*moved(start, end), *rest) for start, end, *rest in entry["segments"]),
            entry["language"],
            tuple(Word(*moved(start, end), text) for start, end, text in entry.get("words", [])),
            has_times=entry.get("has_times", True),
        )
    except (KeyError, TypeError, ValueError):
        return None
