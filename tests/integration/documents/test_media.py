"""The media job: a transcript with times, as JSON and as captions, from a real ffmpeg."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from support import media_samples
from support.handler_harness import Recorder, make_job
from support.pdf_harness import RecordingCache
from support.provider_harness import FakeTime, provider_settings

from secretary_common.errors import PermanentError, SecretaryError, TransientError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.documents import MediaSection
from secretary_common.settings.provider import TranscriptionSection
from secretary_devstack.provider import Dialect, FakeProvider, Misbehaviour, Spoken
from secretary_documents.handlers.media.handler import MediaHandler
from secretary_documents.handlers.media.result import NO_SPEAKERS, NO_TIMES, NO_WORDS
from secretary_documents.handlers.source import FileSource
from secretary_documents.media.cached_transcriber import CachedTranscriber
from secretary_documents.media.ffmpeg import Ffmpeg
from secretary_documents.media.recording_transcriber import RecordingTranscriber
from secretary_documents.media.yt_dlp import YtDlp
from secretary_documents.providers.transcription import TranscriptionClient
from secretary_documents.web.download import Downloader

TEXT = "Good morning. Welcome to the talk."
WORDS = ["Good", "morning", "Welcome", "to", "the", "talk"]
# Three pieces of 6 s, if one piece may last 7.2 s.
LONG = media_samples.tone_wav([(5.5, True), (1, False), (5, True), (1, False), (5.5, True)])
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a job against a provider; it returns the job's reports."""
    media_samples.open_to_programs(monkeypatch, tmp_path)
    guard, cache = UrlGuard([ip_network("127.0.0.0/8")]), RecordingCache()

    async def run(
        fake: FakeProvider, recording: bytes = b"", /, max_mb: float = 5, **parameters: Any
    ) -> Recorder:
        if recording:
            (tmp_path / "talk.wav").write_bytes(recording)
            parameters["filename"] = "talk.wav"
        media = MediaSection(max_mb=max_mb, piece_minutes=0.12)
        settings = provider_settings(fake, parallel=1, retry_sec=0)
        transcription = TranscriptionSection(**settings)
        client = TranscriptionClient(transcription, timing=FakeTime().timing)
        downloader = Downloader(lambda: guarded_client(guard), max_bytes=int(max_mb * 2**20))
        cached = CachedTranscriber(client, cache, base_url=fake.base_url, model="m")
        transcriber = RecordingTranscriber(
            section=media,
            provider=transcription,
            downloader=downloader,
            ffmpeg=Ffmpeg(media),
            yt_dlp=YtDlp(media, guard),
            client=client,
            cached=cached,
        )
        source = FileSource([tmp_path], downloader.max_bytes, downloader)
        recorder = Recorder()
        handler = MediaHandler(transcriber, source)
        await handler(make_job("media", **parameters), recorder, ResourceCalculator())
        return recorder

    return run


def results_of(done: Recorder) -> dict[str, Any]:
    assert done.results is not None
    return done.results


async def failure(run: Run, *arguments: Any, **parameters: Any) -> SecretaryError:
    with pytest.raises(SecretaryError) as caught:
        await run(*arguments, **parameters)
    return caught.value


async def test_a_recording_becomes_text_segments_words_and_captions(run: Run) -> None:
    with FakeProvider() as fake:
        done = await run(fake, media_samples.spoken_wav(), language="en")
    results = results_of(done)
    assert (results["text"], results["language"]) == (TEXT, "english")
    assert results["transcript"] == f"[00:00:00] {TEXT}"
    assert [one["word"] for one in results["words"]] == WORDS
    assert results["words"][0] == {"start": 0.0, "end": 0.75, "word": "Good"}
    assert [one["text"] for one in results["segments"]] == ["Good morning.", "Welcome to the talk."]
    assert (results["source"], results["warnings"]) == ("transcription", [])
    assert sorted(done.files) == [f"transcript.{kind}" for kind in ("json", "srt", "txt", "vtt")]
    assert done.files["transcript.vtt"][0].startswith(
        b"WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGood morning.\n\n00:00:01.500 --> "
    )
    assert done.files["transcript.srt"][0].startswith(
        b"1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n"
    )
    assert json.loads(done.files["transcript.json"][0])["words"] == results["words"]
    assert done.files["transcript.txt"][0].decode() == f"{TEXT}\n"
    percents = list(dict.fromkeys(one.percent for one in done.progress))  # some are repeated
    assert percents == [0, 5, 15, 20, 90, 95, 100]
    assert fake.violations == []


async def test_hints_reach_the_model(run: Run) -> None:
    with FakeProvider() as fake:
        await run(
            fake, media_samples.spoken_wav(), prompt="A talk.", vocabulary=["Secretary", "AMQP"]
        )
        (asked,) = fake.requests
    assert asked.body["prompt"] == ["A talk.\nSecretary, AMQP"]
    assert "language" not in asked.body


@pytest.mark.parametrize(
    ("dialect", "warnings", "times"),
    [
        (Dialect(words=False), [NO_WORDS], 2),
        (Dialect(verbose=False), [NO_TIMES, NO_WORDS], 1),
    ],
)
async def test_what_the_model_cannot_give_is_a_warning(
    run: Run, dialect: Dialect, warnings: list[str], times: int
) -> None:
    with FakeProvider(dialect=dialect) as fake:
        results = results_of(await run(fake, media_samples.spoken_wav()))
    assert results["warnings"] == warnings
    assert (len(results["segments"]), results["words"]) == (times, [])
    assert results["text"] == TEXT
    assert fake.violations == []


@pytest.mark.parametrize("dialect", [Dialect(speakers=True), Dialect()])
async def test_speakers_are_named_only_if_the_model_names_them(run: Run, dialect: Dialect) -> None:
    names_speakers = dialect.speakers
    with FakeProvider(dialect=dialect) as fake:
        done = await run(fake, media_samples.spoken_wav(), speakers=True, words=False)
    results = results_of(done)
    speakers = [one.get("speaker") for one in results["segments"]]
    assert speakers == (["A", "A"] if names_speakers else [None, None])
    assert results["warnings"] == ([] if names_speakers else [NO_SPEAKERS])
    assert (b"<v A>Good morning." in done.files["transcript.vtt"][0]) is names_speakers


async def test_a_cut_connection_resumes_at_the_piece_where_it_stopped(run: Run) -> None:
    with FakeProvider(speech=lambda name, _: [Spoken(0, 1, f"{name}.")]) as fake:
        fake.misbehave("transcribe", None, Misbehaviour.cut_off())
        error = await failure(run, fake, LONG)
        assert isinstance(error, TransientError)
        results = results_of(await run(fake, LONG))
        asked = [request.body["file"][0] for request in fake.requests]
    assert asked == [f"piece-{number}.mp3" for number in (1, 2, 2, 3)]
    assert results["text"] == "piece-1.mp3. piece-2.mp3. piece-3.mp3."
    starts = [segment["start"] for segment in results["segments"]]
    assert starts == pytest.approx([0, 6, 12], abs=0.1)
    assert [word["start"] for word in results["words"]] == starts


async def test_without_the_cache_all_pieces_are_transcribed_again(run: Run) -> None:
    with FakeProvider() as fake:
        for _ in range(2):
            await run(fake, LONG, use_cache=False)
        assert len(fake.requests) == 6


async def test_only_the_files_that_the_job_asks_for_are_made(run: Run) -> None:
    with FakeProvider() as fake:
        done = await run(fake, media_samples.spoken_wav(), files=["srt"])
        none = await run(fake, media_samples.spoken_wav(), files=[])
    assert list(done.files) == ["transcript.srt"]
    assert results_of(done)["files"] == {"srt": "transcript.srt"}
    assert none.files == {}


async def test_recordings_that_cannot_be_read_have_a_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(media_samples.silent_film())
    with FakeProvider() as fake:
        cases = {
            "MEDIA_INVALID": await failure(run, fake, b"%PDF-1.7 no recording"),
            "UNSUPPORTED_MEDIA": await failure(run, fake, b"%PDF-1.7\n\0\xb5"),
            "MEDIA_NO_AUDIO": await failure(run, fake, filename="film.mp4"),
            "FILE_TOO_LARGE": await failure(run, fake, LONG, max_mb=0.1),
            "FILE_NOT_FOUND": await failure(run, fake, filename="gone.wav"),
            "URL_REFUSED": await failure(run, fake, url="http://10.1.1.1/a.mp3"),
            "VALIDATION_ERROR": await failure(run, fake, LONG, url="https://a/b.mp3"),
        }
        assert fake.requests == []
    assert {code: error.code for code, error in cases.items()} == {code: code for code in cases}
    assert all(isinstance(error, PermanentError) for error in cases.values())
