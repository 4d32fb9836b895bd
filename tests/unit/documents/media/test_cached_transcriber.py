"""A cache of transcripts that also has entries of other versions."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.media.cached_transcriber import CachedTranscriber
from secretary_documents.providers.transcript import (
    PLAIN,
    AudioPiece,
    Segment,
    SpeechOptions,
    Transcript,
)

PIECE = AudioPiece("piece-1.mp3", b"sound", "audio/mpeg", offset_sec=10, duration_sec=5)
SPOKEN = Transcript((Segment(10, 12, "Hello"),), "en")


class Model:
    def check_configured(self) -> None: ...

    async def transcribe(
        self,
        piece: AudioPiece,
        *,
        language: str | None,
        resources: ResourceCalculator,
        options: SpeechOptions = PLAIN,
    ) -> Transcript:
        return SPOKEN


class Cache:
    def __init__(self, entry: JsonObject) -> None:
        self.entry = entry

    async def get_many(self, keys: Sequence[str]) -> dict[str, JsonObject]:
        return dict.fromkeys(keys, self.entry)

    async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
        [self.entry] = entries.values()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"segments": None, "language": "en"},
        {"segments": [[0]], "language": "en"},
        {"segments": [["a", "b", "text"]], "language": "en"},
        {"segments": [], "language": "en", "words": [{"word": "a"}]},
    ],
)
async def test_an_entry_of_another_version_is_replaced(entry: dict[str, Any]) -> None:
    cache = Cache(entry)
    transcriber = CachedTranscriber(Model(), cache, base_url="https://a.example", model="m")
    for _ in range(2):
        found = await transcriber.transcribe(PIECE, language=None, resources=ResourceCalculator())
        assert found == SPOKEN
    assert cache.entry["segments"] == [[0, 2, "Hello", None]]
