"""From a recording's address to its transcript, with a real ffmpeg, a site and a stand-in."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support import media_samples
from support.handler_harness import child_pids
from support.pdf_harness import RecordingCache
from support.provider_harness import FakeTime, provider_settings, until

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, WorkerUnfit
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.documents import MediaSection
from secretary_common.settings.provider import TranscriptionSection
from secretary_devstack.provider import FakeProvider, Misbehaviour
from secretary_devstack.servers.http_server import HttpServer
from secretary_documents.media.cached_transcriber import CachedTranscriber
from secretary_documents.media.ffmpeg import Ffmpeg
from secretary_documents.media.recording_transcriber import RecordingTranscriber, TranscriptSource
from secretary_documents.media.yt_dlp import YtDlp
from secretary_documents.providers.transcription import TranscriptionClient
from secretary_documents.web.download import Downloader

VIDEO_PAGE = "https://youtu.be/abc"
# 18 s with pauses: three pieces if one piece may last 7.2 s.
LONG = media_samples.tone_wav([(5.5, True), (1, False), (5, True), (1, False), (5.5, True)])
Make = Callable[..., RecordingTranscriber]


@pytest.fixture
def asked() -> list[str]:
    """The paths of the requests to the site."""
    return []


@pytest.fixture
def site(asked: list[str]) -> Iterator[HttpServer]:
    async def serve(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/endless.mp4":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(bytes(2**16))
        if request.path == "/inside.mp4":
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})
        contents: dict[str, Callable[[], bytes]] = {
            "/talk.mp4": media_samples.video_mp4,
            "/long": lambda: LONG,
            "/page.mp4": lambda: b"<!doctype html>",
        }
        if request.path not in contents:
            return web.Response(status=404)
        return web.Response(body=contents[request.path](), content_type="video/mp4")

    def app() -> web.Application:
        app = web.Application()
        app.router.add_get("/{name}", serve)
        return app

    with HttpServer(app, name="site") as site:
        yield site


@pytest.fixture
def make(fake: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    media_samples.open_to_programs(monkeypatch, tmp_path)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    cache = RecordingCache()

    def make(provider: dict[str, Any] | None = None, **media: Any) -> RecordingTranscriber:
        section = MediaSection(**{"max_mb": 5, **media})
        guard = UrlGuard([ip_network("127.0.0.0/8")])
        transcription = TranscriptionSection(**provider_settings(fake, **(provider or {})))
        client = TranscriptionClient(transcription, timing=FakeTime().timing)
        return RecordingTranscriber(
            section=section,
            provider=transcription,
            downloader=Downloader(
                lambda: guarded_client(guard),
                max_bytes=int(section.max_mb * 2**20),
                deadline_sec=section.timeout_sec,
                too_large=ErrorCode.MEDIA_TOO_LARGE,
            ),
            ffmpeg=Ffmpeg(section),
            yt_dlp=YtDlp(section, guard),
            client=client,
            cached=CachedTranscriber(
                client, cache, base_url=transcription.base_url, model=transcription.model
            ),
        )

    before = child_pids(os.getpid())
    yield make
    assert list(place.iterdir()) == []
    assert set(child_pids(os.getpid())) <= set(before)


async def failure(transcriber: RecordingTranscriber, url: str) -> SecretaryError:
    with pytest.raises(SecretaryError) as caught:
        await transcriber(url, "en", ResourceCalculator())
    return caught.value


async def test_a_talk_is_transcribed_with_times_and_the_usage_is_counted(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    resources = ResourceCalculator()
    transcript = await make({"price_per_minute": 6.0})(site.url("/talk.mp4"), "en", resources)
    assert transcript.text == f"[00:00:00] {media_samples.SPOKEN}"
    assert transcript.plain == media_samples.SPOKEN
    assert (transcript.source, transcript.language, transcript.warning) == (
        TranscriptSource.TRANSCRIPTION,
        "english",
        None,
    )
    (asked,) = fake.requests
    assert asked.body["file"] == ["piece-1.mp3"]
    assert asked.body["language"] == ["en"]
    usage = resources.usage()
    assert usage["bytes"] == len(media_samples.video_mp4())
    assert usage["audio_seconds"] == pytest.approx(transcript.duration_sec)
    assert usage["cost"]["total"] == pytest.approx(0.1 * usage["audio_seconds"], abs=0.001)
    assert usage["api_calls"] == 1


async def test_a_long_recording_is_transcribed_in_pieces_with_times_of_the_whole(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    # The first response arrives last.
    fake.misbehave("transcribe", Misbehaviour(delay_sec=0.3, executed=True))
    transcript = await make(piece_minutes=0.12)(site.url("/long"), None, ResourceCalculator())
    starts = [segment.start_sec for segment in transcript.segments]
    assert len(fake.requests) == 3
    assert starts == sorted(starts)
    assert starts[::2] == pytest.approx([0, 6, 12], abs=0.3)
    sizes = [len(asked.file) for asked in fake.requests]
    assert sum(sizes) == pytest.approx(18 * 4000, abs=1500)


async def test_a_piece_that_fails_permanently_fails_the_recording_with_its_code(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    fake.misbehave("transcribe", Misbehaviour(), Misbehaviour.failing(401))
    transcriber = make({"parallel": 1}, piece_minutes=0.12)
    error = await failure(transcriber, site.url("/long"))
    assert error.code == ErrorCode.PROVIDER_UNAUTHORIZED
    assert len(fake.requests) == 2


async def test_a_second_call_requests_only_pieces_that_are_not_cached(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    fake.misbehave("transcribe", Misbehaviour(), Misbehaviour(), Misbehaviour.failing(401))
    transcriber, resources = make({"parallel": 1}, piece_minutes=0.12), ResourceCalculator()
    await failure(transcriber, site.url("/long"))
    assert len(fake.requests) == 3
    whole = await transcriber(site.url("/long"), "en", resources)
    assert len(fake.requests) == 4
    assert resources.usage()["api_calls"] == 1
    assert await transcriber(site.url("/long"), "en", ResourceCalculator()) == whole
    assert len(fake.requests) == 4
    assert await transcriber(site.url("/long"), None, ResourceCalculator()) == whole
    assert len(fake.requests) == 7, "the transcript may differ in another language"


async def test_without_the_cache_everything_is_requested_and_nothing_is_cached(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    transcriber = make()
    for times in (1, 2):
        await transcriber(site.url("/talk.mp4"), "en", ResourceCalculator(), use_cache=False)
        assert len(fake.requests) == times
    await transcriber(site.url("/talk.mp4"), "en", ResourceCalculator())
    assert len(fake.requests) == 3


async def test_without_a_provider_nothing_is_fetched(
    make: Make, site: HttpServer, asked: list[str]
) -> None:
    transcriber = make({"model": ""})
    error = await failure(transcriber, site.url("/talk.mp4"))
    assert error.code == ErrorCode.TRANSCRIPTION_NOT_CONFIGURED
    assert asked == []


async def test_without_ffmpeg_nothing_is_fetched(
    make: Make, site: HttpServer, asked: list[str]
) -> None:
    error = await failure(make(ffmpeg="no-such-program"), site.url("/talk.mp4"))
    assert error.code == ErrorCode.FFMPEG_MISSING
    assert asked == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/gone.mp4", ErrorCode.FETCH_FAILED),
        ("/endless.mp4", ErrorCode.MEDIA_TOO_LARGE),
        ("/page.mp4", ErrorCode.MEDIA_INVALID),
        ("/inside.mp4", ErrorCode.URL_REFUSED),
    ],
)
async def test_a_recording_that_cannot_be_transcribed_has_its_code(
    make: Make, site: HttpServer, path: str, code: ErrorCode
) -> None:
    error = await failure(make(), site.url(path))
    assert (type(error), error.code) == (PermanentError, code)


async def test_a_full_disk_is_left_to_another_worker(
    make: Make, site: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __init__(self) -> None:
            self._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123

        def __enter__(self) -> Any:
            return self._file

        def __exit__(self, *_: object) -> None:
            self._file.close()

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    error = await failure(make(), site.url("/talk.mp4"))
    assert isinstance(error, WorkerUnfit)


@pytest.fixture
def captions(tmp_path: Path) -> str:
    """A yt-dlp for a page with captions; the file ``asked`` has the arguments of its calls."""
    (tmp_path / "cues").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n")
    body = f'echo "$@" >> {tmp_path}/asked\ncp {tmp_path}/cues media.en.vtt'
    return str(media_samples.script(tmp_path / "captions", body))


async def test_with_captions_of_a_video_page_no_provider_is_asked(
    make: Make, fake: FakeProvider, captions: str, tmp_path: Path
) -> None:
    transcriber = make({"model": ""}, yt_dlp=captions, ffmpeg="no-such-program")
    transcript = await transcriber(VIDEO_PAGE, "en", ResourceCalculator())
    assert (transcript.text, transcript.source) == ("[00:00:01] Hello.", TranscriptSource.CAPTIONS)
    assert fake.requests == []
    assert len((tmp_path / "asked").read_text().splitlines()) == 1


async def test_the_recording_of_a_video_page_without_captions_is_transcribed(
    make: Make, fake: FakeProvider, tmp_path: Path
) -> None:
    (tmp_path / "sound.wav").write_bytes(media_samples.spoken_wav())
    body = f'case "$*" in *--skip-download*) ;; *) cp {tmp_path}/sound.wav media.wav;; esac'
    program = str(media_samples.script(tmp_path / "sound", body))
    transcript = await make(yt_dlp=program)(VIDEO_PAGE, "en", ResourceCalculator())
    assert transcript.plain == media_samples.SPOKEN
    assert len(fake.requests) == 1


async def test_a_video_page_needs_yt_dlp(make: Make) -> None:
    error = await failure(make(), VIDEO_PAGE)
    assert error.code == ErrorCode.YT_DLP_NOT_CONFIGURED


async def test_cancelling_while_the_provider_is_slow_leaves_nothing(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    fake.misbehave("transcribe", Misbehaviour(hang=True))
    transcribing = asyncio.create_task(make()(site.url("/talk.mp4"), "en", ResourceCalculator()))
    await until(lambda: fake.requests, "a request")
    transcribing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await transcribing
