"""Transcription: the text, and its times counted from the beginning of the recording."""

from typing import Any

import pytest
from support.provider_harness import FakeTime, provider_settings

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.provider import TranscriptionSection
from secretary_devstack.provider import Dialect, FakeProvider, Misbehaviour
from secretary_documents.providers.transcript import AudioPiece, Segment
from secretary_documents.providers.transcription import TranscriptionClient

PIECE = AudioPiece("piece-2.mp3", b"ID3 sound", "audio/mpeg", offset_sec=600, duration_sec=3.5)
TEXT = "Good morning. Welcome to the talk."


def client(fake: FakeProvider, fake_time: FakeTime, **settings: Any) -> TranscriptionClient:
    section = TranscriptionSection(**provider_settings(fake, **settings))
    return TranscriptionClient(section, timing=fake_time.timing)


async def test_segments_have_their_times_in_the_recording(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    resources = ResourceCalculator()
    one = client(fake, fake_time, price_per_minute=0.6)
    transcript = await one.transcribe(PIECE, language="en", resources=resources)
    assert transcript.segments == (
        Segment(600, 601.5, "Good morning."),
        Segment(601.5, 603.5, "Welcome to the talk."),  # it ends with the piece
    )
    assert transcript.text == TEXT
    assert transcript.language == "english"
    assert resources.usage()["cost"]["total"] == 0.035
    (asked,) = fake.requests
    assert asked.file == PIECE.content
    assert asked.body["language"] == ["en"]


async def test_a_model_without_times_gives_one_segment_and_is_asked_so_from_then_on(
    fake_time: FakeTime,
) -> None:
    with FakeProvider(dialect=Dialect(verbose=False)) as fake:
        one = client(fake, fake_time)
        for _ in range(2):
            transcript = await one.transcribe(PIECE, language=None, resources=ResourceCalculator())
            assert transcript.segments == (Segment(600, 603.5, TEXT),)
    assert len(fake.requests) == 3
    assert fake.violations == []


@pytest.mark.parametrize(
    "body", [b"{}", b'{"text": null}', b'{"text": "a", "segments": [{"text": "a"}]}']
)
async def test_a_response_of_another_form_is_invalid(
    fake: FakeProvider, fake_time: FakeTime, body: bytes
) -> None:
    fake.misbehave("transcribe", Misbehaviour(status=200, body=body))
    with pytest.raises(PermanentError) as caught:
        await client(fake, fake_time).transcribe(
            PIECE, language=None, resources=ResourceCalculator()
        )
    assert caught.value.code == ErrorCode.PROVIDER_INVALID_ANSWER


async def test_after_a_temporary_failure_the_whole_piece_is_sent_again(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("transcribe", Misbehaviour.failing(503), Misbehaviour.resetting())
    transcript = await client(fake, fake_time).transcribe(
        PIECE, language=None, resources=ResourceCalculator()
    )
    assert transcript.text == TEXT
    assert [asked.file for asked in fake.requests] == [PIECE.content] * 3


async def test_a_lasting_rate_limit_is_left_to_the_next_attempt(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("transcribe", Misbehaviour.rate_limited("300"))
    with pytest.raises(TransientError) as caught:
        await client(fake, fake_time).transcribe(
            PIECE, language=None, resources=ResourceCalculator()
        )
    assert caught.value.retry_after == 300


async def test_a_piece_that_is_too_large_is_not_sent(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    large = AudioPiece("a.mp3", bytes(2**20 + 1), "audio/mpeg", 0, 1)
    with pytest.raises(PermanentError) as caught:
        await client(fake, fake_time, max_piece_mb=1).transcribe(
            large, language=None, resources=ResourceCalculator()
        )
    assert caught.value.code == ErrorCode.FILE_TOO_LARGE
    assert fake.requests == []


async def test_without_a_key_nothing_is_sent_and_the_setting_is_named() -> None:
    with pytest.raises(PermanentError, match=r"transcription\.api_key") as caught:
        await TranscriptionClient(TranscriptionSection()).transcribe(
            PIECE, language=None, resources=ResourceCalculator()
        )
    assert caught.value.code == ErrorCode.TRANSCRIPTION_NOT_CONFIGURED
