"""A cache of transcripts, so that a later attempt need not pay for the same audio again."""

from __future__ import annotations

import hashlib
import json

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_documents.providers.transcription import AudioPiece, Segment, Transcriber, Transcript

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
        self, piece: AudioPiece, *, language: str | None, resources: ResourceCalculator
    ) -> Transcript:
        """See ``Transcriber``. A piece in the cache costs no request."""
        key = self._key(piece, language)
        if entry := (await self._cache.get_many([key])).get(key):
            return _transcript_of(entry, piece.offset_sec)
        transcript = await self._transcriber.transcribe(
            piece, language=language, resources=resources
        )
        await self._cache.put_many({key: _entry_of(transcript, piece.offset_sec)})
        return transcript

    def _key(self, piece: AudioPiece, language: str | None) -> str:
        """Return the cache key of the transcript of *piece*.

        The key does not depend on the recording or on the piece's place in the recording.
        """
        sound = hashlib.sha256(piece.content).hexdigest()
        content = {**self._model, "version": VERSION, "language": language, "sound": sound}
        canonical = json.dumps(content, sort_keys=True)
        return f"transcript:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _entry_of(transcript: Transcript, offset_sec: float) -> JsonObject:
    """Return the cache entry of *transcript*. Its times count from the beginning of the piece."""
    segments = [
        [one.start_sec - offset_sec, one.end_sec - offset_sec, one.text]
        for one in transcript.segments
    ]
    return {"segments": segments, "language": transcript.language}


def _transcript_of(entry: JsonObject, offset_sec: float) -> Transcript:
    segments = (
        Segment(round(offset_sec + start, 3), round(offset_sec + end, 3), text)
        for start, end, text in entry["segments"]
    )
    return Transcript(tuple(segments), entry["language"])
