"""Sample recordings, and programs that replace ffmpeg or yt-dlp.

ffmpeg, espeak-ng or this module make the recordings when a test needs them.
"""

from __future__ import annotations

import array
import functools
import io
import math
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from secretary_documents.media import program
from secretary_worker import ProgramAccess

RATE = 8000
SPOKEN = "Good morning. Welcome to the talk."


def tone_wav(parts: Sequence[tuple[float, bool]]) -> bytes:
    """Return a WAV file of *parts*: the seconds of each, and whether it has a tone or silence."""
    samples = array.array("h")
    for seconds, sounds in parts:
        level = 12000 if sounds else 0
        samples.extend(int(level * math.sin(n / 3)) for n in range(int(seconds * RATE)))
    return _wav(samples.tobytes())


def silent_wav(seconds: float) -> bytes:
    """Return a WAV file with silence."""
    return _wav(bytes(2 * int(seconds * RATE)))


def _wav(frames: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(frames)
    return file.getvalue()


@functools.cache
def spoken_wav() -> bytes:
    """Return ``SPOKEN`` as a WAV file, spoken by espeak-ng."""
    command = ["espeak-ng", "--stdout", SPOKEN]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


@functools.cache
def converted(wav: bytes, suffix: str, *options: str) -> bytes:
    """Convert *wav* to the format that *suffix* names, by ffmpeg with *options*."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"out{suffix}"
        ffmpeg("-i", "pipe:0", *options, str(out), stdin=wav)
        return out.read_bytes()


@functools.cache
def video_mp4() -> bytes:
    """Return a talk as an MP4: pictures, and ``SPOKEN``."""
    pictures = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=5", "-shortest", "-c:a", "aac")
    return converted(spoken_wav(), ".mp4", *pictures, "-movflags", "+faststart")


@functools.cache
def silent_film() -> bytes:
    """Return an MP4 without sound."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=1", str(out))
        return out.read_bytes()


def ffmpeg(*arguments: str, stdin: bytes = b"") -> None:
    """Run ffmpeg. Its error messages are shown."""
    command = ["ffmpeg", "-y", "-loglevel", "error", *arguments]
    subprocess.run(command, input=stdin, check=True, timeout=60)


def described(audio: bytes, suffix: str) -> list[str]:
    """Return codec, rate, channels and duration of *audio*, as ffprobe reports them."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(audio)
        file.flush()
        wanted = "stream=codec_name,sample_rate,channels,duration"
        command = ["ffprobe", "-v", "error", "-show_entries", wanted, "-of", "csv=p=0", file.name]
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    return done.stdout.strip().split(",")


def script(path: Path, body: str) -> Path:
    """Write a program to *path* that runs *body*, lines for ``sh``."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def open_to_programs(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the programs of these tests change *folder*, where they note what they do."""
    allowed = program.access_of

    def access_of(command: program.Command) -> ProgramAccess:
        access = allowed(command)
        return replace(access, writable=[*access.writable, str(folder)])

    monkeypatch.setattr(program, "access_of", access_of)
