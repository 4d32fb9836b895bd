"""Sample recordings, made where they are needed by ffmpeg, espeak-ng or by hand; and programs that
pretend to be ffmpeg or yt-dlp.
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
from pathlib import Path

RATE = 8000
SPOKEN = "Good morning. Welcome to the talk."


def tone_wav(parts: Sequence[tuple[float, bool]]) -> bytes:
    """A WAV file of *parts*: seconds, and whether there is a tone or silence."""
    samples = array.array("h")
    for seconds, sounds in parts:
        level = 12000 if sounds else 0
        samples.extend(int(level * math.sin(n / 3)) for n in range(int(seconds * RATE)))
    return _wav(samples.tobytes())


def silent_wav(seconds: float) -> bytes:
    """A WAV file with nothing to hear."""
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
    """``SPOKEN``, said by espeak-ng."""
    command = ["espeak-ng", "--stdout", SPOKEN]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


@functools.cache
def converted(wav: bytes, suffix: str, *options: str) -> bytes:
    """*wav* in the format that *suffix* names, made by ffmpeg with *options*."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"out{suffix}"
        ffmpeg("-i", "pipe:0", *options, str(out), stdin=wav)
        return out.read_bytes()


@functools.cache
def video_mp4() -> bytes:
    """A talk as an MP4: pictures, and ``SPOKEN``."""
    pictures = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=5", "-shortest", "-c:a", "aac")
    return converted(spoken_wav(), ".mp4", *pictures, "-movflags", "+faststart")


@functools.cache
def silent_film() -> bytes:
    """An MP4 without sound."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=1", str(out))
        return out.read_bytes()


def ffmpeg(*arguments: str, stdin: bytes = b"") -> None:
    """Run ffmpeg; what it says is shown if it fails."""
    command = ["ffmpeg", "-y", "-loglevel", "error", *arguments]
    subprocess.run(command, input=stdin, check=True, timeout=60)


def described(audio: bytes, suffix: str) -> list[str]:
    """Codec, rate, channels and duration of *audio*, as ffprobe sees them."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(audio)
        file.flush()
        wanted = "stream=codec_name,sample_rate,channels,duration"
        command = ["ffprobe", "-v", "error", "-show_entries", wanted, "-of", "csv=p=0", file.name]
        told = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    return told.stdout.strip().split(",")


def script(path: Path, body: str) -> Path:
    """A program at *path* that runs *body*, lines for ``sh``."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path
