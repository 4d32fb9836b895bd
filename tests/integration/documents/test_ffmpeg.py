"""Recordings and the real ffmpeg: good, damaged and hostile files."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import media_samples
from support.handler_harness import all_gone, child_pids
from support.provider_harness import until

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.documents import MediaSection
from secretary_devstack.deadline import wait_until
from secretary_documents.media.converted_audio import FRAME_BYTES, FRAME_SEC, ConvertedAudio
from secretary_documents.media.ffmpeg import Ffmpeg, shortfall
from secretary_worker.access.source import OpenFile

TONE = media_samples.tone_wav([(3, True), (1, False), (3, True)])
LAUNCHER = "secretary_documents.media"


@pytest.fixture(autouse=True)
def _nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a file or a process."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    before = child_pids(os.getpid())
    yield
    assert list(place.iterdir()) == []
    assert set(child_pids(os.getpid())) <= set(before)


def save(folder: Path, content: bytes) -> OpenFile:
    """Return *content* in an open file whose name has no suffix."""
    path = folder / "recording"
    path.write_bytes(content)
    fd = os.open(path, os.O_RDONLY)
    return OpenFile(fd, path.name, len(content))


@asynccontextmanager
async def audio_of(
    folder: Path, content: bytes, resources: ResourceCalculator | None = None, **settings: Any
) -> AsyncIterator[ConvertedAudio]:
    """Convert a recording to audio."""
    one = Ffmpeg(MediaSection(**settings))
    file = save(folder, content)
    try:
        probe = await one.probe(file)
        async with one.convert(file, probe, resources or ResourceCalculator()) as audio:
            yield audio
    finally:
        os.close(file.fd)


async def refusal(folder: Path, content: bytes, **settings: Any) -> str:
    with pytest.raises(PermanentError) as caught:
        async with audio_of(folder, content, **settings):
            pytest.fail("it was taken")
    return caught.value.code


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".webm", ".ogg"])
async def test_every_format_becomes_speech(tmp_path: Path, suffix: str) -> None:
    content = media_samples.converted(TONE, suffix) if suffix != ".wav" else TONE
    async with audio_of(tmp_path, content) as audio:
        assert audio.duration_sec == pytest.approx(7, abs=0.3)
        (silence,) = audio.silences
        assert (silence.start, silence.end) == pytest.approx((3, 4), abs=0.2)


async def test_speech_is_mono_mp3_and_each_piece_is_a_file(
    tmp_path: Path,
) -> None:
    async with audio_of(tmp_path, TONE) as audio:
        assert audio.size % FRAME_BYTES == 0
        spans = audio.spans(piece_bytes=2**20, piece_sec=5)
        pieces = [piece async for piece in audio.pieces(spans)]
        whole = os.pread(audio.fd, audio.size, 0)
    assert b"".join(piece.content for piece in pieces) == whole
    assert [piece.offset_sec for piece in pieces] == [0, pytest.approx(3.5, abs=0.2)]
    for piece in pieces:
        codec, rate, channels, duration = media_samples.described(piece.content, ".mp3")
        assert (codec, rate, channels) == ("mp3", "16000", "1")
        assert float(duration) == pytest.approx(piece.duration_sec, abs=2 * FRAME_SEC)


async def test_seconds_of_sound_and_cpu_time_are_counted(tmp_path: Path) -> None:
    resources = ResourceCalculator()
    async with audio_of(tmp_path, media_samples.video_mp4(), resources) as audio:
        assert resources.usage()["audio_seconds"] == pytest.approx(audio.duration_sec)
    assert resources.usage()["compute_seconds"] > 0


async def test_a_film_without_sound_has_its_code(tmp_path: Path) -> None:
    assert await refusal(tmp_path, media_samples.silent_film()) == ErrorCode.MEDIA_NO_AUDIO


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:7\n#EXTINF:7,\n%b\n#EXT-X-ENDLIST\n"
ID3 = b"ID3\x03\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "disguise",
    [b"", ID3, b"\0\0\0\x08ftyp", b"RIFF\0\0\0\0WAVE"],
    ids=["none", "mp3", "mp4", "wav"],
)
async def test_a_disguised_playlist_reads_no_other_file(tmp_path: Path, disguise: bytes) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(TONE)
    playlist = disguise + PLAYLIST % str(secret).encode()
    assert await refusal(tmp_path, playlist) == ErrorCode.MEDIA_INVALID


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><title>Log in</title>",
        b"\0\0\0\x20ftypisom" + bytes(1000),
        b"\x1a\x45\xdf\xa3" + b"\xff" * 1000,
        b"RIFF\xff\xff\xff\xffWAVEfmt ",
    ],
    ids=["empty", "page", "mp4", "webm", "wav"],
)
async def test_a_damaged_file_or_another_format_is_invalid(tmp_path: Path, content: bytes) -> None:
    assert await refusal(tmp_path, content) == ErrorCode.MEDIA_INVALID


async def test_a_video_cut_off_before_its_table_is_damaged(tmp_path: Path) -> None:
    whole = media_samples.converted(TONE, ".m4a")  # its index is at the end
    assert await refusal(tmp_path, whole[: len(whole) // 2]) == ErrorCode.MEDIA_INVALID


@pytest.mark.parametrize("suffix", [".flac", ".wav"])
async def test_a_recording_that_was_cut_is_decoded_as_far_as_possible_with_a_warning(
    tmp_path: Path, suffix: str
) -> None:
    whole = media_samples.tone_wav([(20, True)])
    content = media_samples.converted(whole, suffix) if suffix != ".wav" else whole
    one, file = Ffmpeg(MediaSection()), save(tmp_path, content)
    file = replace(file, size=file.size // 2)
    os.truncate(f"/proc/self/fd/{file.fd}", file.size)
    probe = await one.probe(file)
    async with one.convert(file, probe, ResourceCalculator()) as audio:
        assert 5 < audio.duration_sec < 15
        assert "of its 20 seconds" in (shortfall(probe, audio) or "")
    os.close(file.fd)


@pytest.mark.parametrize("suffix", [".flac", ".aac"], ids=["declared", "measured"])
async def test_hours_of_silence_in_a_small_file_are_too_much(tmp_path: Path, suffix: str) -> None:
    small = media_samples.converted(media_samples.silent_wav(60), suffix)
    assert len(small) < 100_000
    assert await refusal(tmp_path, small, max_hours=30 / 3600) == ErrorCode.MEDIA_TOO_LARGE


def fake(tmp_path: Path, body: str) -> str:
    """Return an ``ffmpeg`` that runs *body*. The ``ffprobe`` in its folder accepts any file."""
    probed = '{"streams": [{"codec_type": "audio"}], "format": {}}'
    media_samples.script(tmp_path / "ffprobe", f"echo '{probed}'")
    return str(media_samples.script(tmp_path / "ffmpeg", body))


HANG = "kill -STOP $$"


@pytest.mark.parametrize("body", [HANG, "while :; do :; done"], ids=["", "busy"])
async def test_a_program_that_hangs_is_killed(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_samples.open_to_programs(monkeypatch, tmp_path)
    hanging = fake(tmp_path, f"echo $$ > {tmp_path}/pid\n{body}")
    refused = await refusal(tmp_path, TONE, ffmpeg=hanging, ffmpeg_timeout_sec=2)
    assert refused == ErrorCode.MEDIA_TIMEOUT
    await all_gone(int((tmp_path / "pid").read_text()))


async def test_a_program_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    endless = fake(tmp_path, "while :; do echo 0123456789012345678901234567890123456789; done")
    refused = await refusal(tmp_path, TONE, ffmpeg=endless, max_hours=0.01)
    assert refused == ErrorCode.MEDIA_TOO_LARGE


async def test_too_much_output_of_a_program_is_not_kept(tmp_path: Path) -> None:
    line = "x=.; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do x=$x$x; done"
    flooding = fake(tmp_path, f"{line}; for i in 1 2 3 4 5; do echo $x >&2; done; exit 3")
    assert await refusal(tmp_path, TONE, ffmpeg=flooding) == ErrorCode.MEDIA_INVALID


async def test_cancelling_kills_the_program_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_samples.open_to_programs(monkeypatch, tmp_path)
    hanging = fake(tmp_path, f"echo $$ > {tmp_path}/pid\n{HANG}")

    async def convert() -> None:
        async with audio_of(tmp_path, TONE, ffmpeg=hanging):
            pytest.fail("it ended")

    converting = asyncio.create_task(convert())
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "a start")
    converting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await converting
    await all_gone(int((tmp_path / "pid").read_text()))


WORKER = """
import asyncio, sys
from pathlib import Path
from secretary_worker.sandbox.limits import ProcessLimits
from secretary_documents.media.program import Command, run_program
limits = ProcessLimits(memory_bytes=2**30, cpu_sec=60, file_bytes=1000)
program = Path(sys.argv[1])
asyncio.run(run_program(Command(str(program), (), limits, 600, folder=program.parent)))
"""


def test_a_program_does_not_outlive_a_killed_worker(tmp_path: Path) -> None:
    body = f"echo $$ > {tmp_path}/pid\n{HANG}"
    program = media_samples.script(tmp_path / "program", body)
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(program)])
    try:
        written = tmp_path / "pid"
        wait_until(
            lambda: written.exists() and written.read_text(), timeout_sec=20, what="its start"
        )
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    group = int(written.read_text())
    asyncio.run(all_gone(group))


@pytest.mark.parametrize("missing", ["no-such-program", "/no/such/ffmpeg"])
async def test_without_ffmpeg_the_setting_is_named(missing: str) -> None:
    with pytest.raises(PermanentError, match=r"media\.ffmpeg") as caught:
        Ffmpeg(MediaSection(ffmpeg=missing)).check_installed()
    assert caught.value.code == ErrorCode.FFMPEG_MISSING
