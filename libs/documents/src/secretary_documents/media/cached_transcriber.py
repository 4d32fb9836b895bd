"""Remembers what was heard: no minute of speech is paid for twice."""

from __future__ import annotations

import hashlib
import json

from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.ports import CacheRepository
from secretary_documents.providers.transcription import AudioPiece, Segment, Transcriber, Transcript

VERSION = 1
"""Raise it when what is kept changes its form."""


class CachedTranscriber:
    """A ``Transcriber`` that asks another one only for pieces that were not heard before.

    A recording is cut the same way each time, so an attempt goes on where the one before it was
    lost.
    """

    def __init__(
        self, transcriber: Transcriber, cache: CacheRepository, *, base_url: str, model: str
    ) -> None:
        """Wire the memory.

        Args:
            transcriber: who hears what is new.
            cache: one that raises nothing: a store that is away is a miss.
            base_url: of the provider: models of one name differ from one to another.
            model: the one that is asked there.
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
        """See ``Transcriber``; a piece that is known costs no call."""
        key = self._key(piece, language)
        if entry := (await self._cache.get_many([key])).get(key):
            return _transcript_of(entry, piece.offset_sec)
        transcript = await self._transcriber.transcribe(
            piece, language=language, resources=resources
        )
        await self._cache.put_many({key: _entry_of(transcript, piece.offset_sec)})
        return transcript

    def _key(self, piece: AudioPiece, language: str | None) -> str:
        """What the answer depends on: not on the recording, nor on where in it the piece stands."""
        sound = hashlib.sha256(piece.content).hexdigest()
        made_of = {**self._model, "version": VERSION, "language": language, "sound": sound}
        canonical = json.dumps(made_of, sort_keys=True)
        return f"transcript:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _entry_of(transcript: Transcript, offset_sec: float) -> JsonObject:
    """*transcript* as it is kept: its times from the beginning of the piece."""
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
