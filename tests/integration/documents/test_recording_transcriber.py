"""From a recording's address to what is said in it: real ffmpeg, a site and a provider nearby."""

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
from support.provider_harness import Passing, access, until

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.http.egress import guarded_client
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.resources import ResourceCalculator
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
# 18 s with pauses: three pieces where one may last 7.2 s.
LONG = media_samples.tone_wav([(5.5, True), (1, False), (5, True), (1, False), (5.5, True)])
Make = Callable[..., RecordingTranscriber]


@pytest.fixture
def asked() -> list[str]:
    """The paths that were asked of the site."""
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
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    cache = RecordingCache()

    def make(provider: dict[str, Any] | None = None, **media: Any) -> RecordingTranscriber:
        section = MediaSection(**{"max_mb": 5, **media})
        guard = UrlGuard([ip_network("127.0.0.0/8")])
        transcription = TranscriptionSection(**access(fake, **(provider or {})))
        client = TranscriptionClient(transcription, timing=Passing().timing)
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


async def failure(listener: RecordingTranscriber, url: str) -> SecretaryError:
    with pytest.raises(SecretaryError) as caught:
        await listener(url, "en", ResourceCalculator())
    return caught.value


async def test_a_talk_is_written_down_with_times_and_what_it_took_is_counted(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    resources = ResourceCalculator()
    heard = await make({"price_per_minute": 6.0})(site.url("/talk.mp4"), "en", resources)
    assert heard.text == f"[00:00:00] {media_samples.SPOKEN}"
    assert heard.plain == media_samples.SPOKEN
    assert (heard.source, heard.language, heard.warning) == (
        TranscriptSource.TRANSCRIPTION,
        "english",
        None,
    )
    (asked,) = fake.requests
    assert asked.body["file"] == ["piece-1.mp3"]
    assert asked.body["language"] == ["en"]
    usage = resources.usage()
    assert usage["bytes"] == len(media_samples.video_mp4())
    assert usage["audio_seconds"] == pytest.approx(heard.duration_sec)
    assert usage["cost"]["total"] == pytest.approx(0.1 * usage["audio_seconds"], abs=0.001)
    assert usage["api_calls"] == 1


async def test_a_long_recording_is_heard_in_pieces_whose_times_are_those_of_the_whole(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    # The first answer comes last.
    fake.misbehave("transcribe", Misbehaviour(delay_sec=0.3, executed=True))
    heard = await make(piece_minutes=0.12)(site.url("/long"), None, ResourceCalculator())
    starts = [segment.start_sec for segment in heard.segments]
    assert len(fake.requests) == 3
    assert starts == sorted(starts)
    assert starts[::2] == pytest.approx([0, 6, 12], abs=0.3)
    sizes = [len(asked.file) for asked in fake.requests]
    assert sum(sizes) == pytest.approx(18 * 4000, abs=1500)


async def test_a_piece_that_fails_for_good_fails_the_whole_with_its_code(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    fake.misbehave("transcribe", Misbehaviour(), Misbehaviour.failing(401))
    listener = make({"parallel": 1}, piece_minutes=0.12)
    error = await failure(listener, site.url("/long"))
    assert error.code == ErrorCode.PROVIDER_UNAUTHORIZED
    assert len(fake.requests) == 2


async def test_who_hears_a_recording_again_asks_only_for_what_was_not_heard(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    fake.misbehave("transcribe", Misbehaviour(), Misbehaviour(), Misbehaviour.failing(401))
    listener, resources = make({"parallel": 1}, piece_minutes=0.12), ResourceCalculator()
    await failure(listener, site.url("/long"))
    assert len(fake.requests) == 3
    whole = await listener(site.url("/long"), "en", resources)
    assert len(fake.requests) == 4
    assert resources.usage()["api_calls"] == 1
    assert await listener(site.url("/long"), "en", ResourceCalculator()) == whole
    assert len(fake.requests) == 4
    assert await listener(site.url("/long"), None, ResourceCalculator()) == whole
    assert len(fake.requests) == 7, "in another language other words may be heard"


async def test_who_wants_no_cache_has_all_of_it_heard_and_nothing_kept(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    listener = make()
    for times in (1, 2):
        await listener(site.url("/talk.mp4"), "en", ResourceCalculator(), use_cache=False)
        assert len(fake.requests) == times
    await listener(site.url("/talk.mp4"), "en", ResourceCalculator())
    assert len(fake.requests) == 3


async def test_without_a_provider_nothing_is_fetched(
    make: Make, site: HttpServer, asked: list[str]
) -> None:
    listener = make({"model": ""})
    error = await failure(listener, site.url("/talk.mp4"))
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
async def test_what_cannot_be_heard_has_its_code(
    make: Make, site: HttpServer, path: str, code: ErrorCode
) -> None:
    error = await failure(make(), site.url(path))
    assert (type(error), error.code) == (PermanentError, code)


async def test_a_full_disk_is_left_to_the_next_attempt(
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
    assert isinstance(error, TransientError)


@pytest.fixture
def captions(tmp_path: Path) -> str:
    """A yt-dlp for a page with captions; ``asked`` has what it was told."""
    (tmp_path / "cues").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n")
    body = f'echo "$@" >> {tmp_path}/asked\ncp {tmp_path}/cues media.en.vtt'
    return str(media_samples.script(tmp_path / "captions", body))


async def test_captions_of_a_video_page_spare_the_provider(
    make: Make, fake: FakeProvider, captions: str, tmp_path: Path
) -> None:
    listener = make({"model": ""}, yt_dlp=captions, ffmpeg="no-such-program")
    heard = await listener(VIDEO_PAGE, "en", ResourceCalculator())
    assert (heard.text, heard.source) == ("[00:00:01] Hello.", TranscriptSource.CAPTIONS)
    assert fake.requests == []
    assert len((tmp_path / "asked").read_text().splitlines()) == 1


async def test_a_video_page_without_captions_is_heard(
    make: Make, fake: FakeProvider, tmp_path: Path
) -> None:
    (tmp_path / "sound.wav").write_bytes(media_samples.spoken_wav())
    body = f'case "$*" in *--skip-download*) ;; *) cp {tmp_path}/sound.wav media.wav;; esac'
    program = str(media_samples.script(tmp_path / "sound", body))
    heard = await make(yt_dlp=program)(VIDEO_PAGE, "en", ResourceCalculator())
    assert heard.plain == media_samples.SPOKEN
    assert len(fake.requests) == 1


async def test_a_video_page_needs_yt_dlp(make: Make) -> None:
    error = await failure(make(), VIDEO_PAGE)
    assert error.code == ErrorCode.YT_DLP_NOT_CONFIGURED


async def test_who_cancels_while_the_provider_is_slow_leaves_nothing(
    make: Make, site: HttpServer, fake: FakeProvider
) -> None:
    fake.misbehave("transcribe", Misbehaviour(hang=True))
    hearing = asyncio.create_task(make()(site.url("/talk.mp4"), "en", ResourceCalculator()))
    await until(lambda: fake.requests, "a request")
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing
