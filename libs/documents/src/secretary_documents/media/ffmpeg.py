"""Runs ffprobe and ffmpeg to inspect a recording and to convert its audio."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.runtime.log import get_logger
from secretary_common.settings.documents import MediaSection
from secretary_documents.media.converted_audio import (
    BYTES_PER_SEC,
    ENCODER,
    FRAME_BYTES,
    ConvertedAudio,
)
from secretary_documents.media.launcher import EXIT_NO_PROGRAM
from secretary_documents.media.media_format import MediaFormat, check_format, riff_bytes
from secretary_documents.media.program import Command, ProgramResult, run_program, timeout_error
from secretary_documents.media.silence import FILTER, SilenceLog
from secretary_worker import OpenFile, ProcessLimits, no_room, temporary_file

log = get_logger(__name__)

# ffmpeg may use only these protocols. So a recording cannot make ffmpeg read a URL.
_PROTOCOLS = "file,pipe,fd"
_CPU_USED = re.compile(r"bench: utime=(\d{1,9}(?:\.\d+)?)s stime=(\d{1,9}(?:\.\d+)?)s")
_PROBE_SEC = 60.0
_PROBED = "stream=codec_type,duration:format=duration"
# Files of these formats name no duration. ffprobe guesses it from the first frames.
_GUESSED = (MediaFormat.MP3, MediaFormat.AAC)
# A smaller shortfall causes no warning: encoders add silence, and the last frame may be broken.
_SHORTFALL_SEC = 5.0

_NO_MEMORY = re.compile(r"Cannot allocate memory|std::bad_alloc|out of memory", re.IGNORECASE)
_NO_ROOM = "No space left on device"
# ffmpeg handles SIGXCPU itself and ends with 255.
_CPU_SPENT = f"received signal {signal.SIGXCPU.value}"


@dataclass(frozen=True, slots=True)
class Probe:
    """The format of a recording and the length of its audio, as ffprobe reports them."""

    media_format: MediaFormat
    audio_sec: float | None
    """The length of the audio in seconds; None if the file does not name it."""


class Ffmpeg:
    """Runs ffmpeg within the limits of a section. One instance serves all jobs."""

    def __init__(self, section: MediaSection) -> None:
        self._section = section
        self._max_sec = section.max_hours * 3600

    def check_installed(self) -> None:
        """Check that ffmpeg and ffprobe are installed.

        Raises:
            PermanentError: FFMPEG_MISSING.
        """
        self._program("ffmpeg")
        self._program("ffprobe")

    async def probe(self, file: OpenFile) -> Probe:
        """Return the format of *file*, by its content, and the length of its audio.

        Raises:
            PermanentError: MEDIA_INVALID, MEDIA_NO_AUDIO, MEDIA_TOO_LARGE (the recording is longer
                than ``max_hours``), MEDIA_TIMEOUT or FFMPEG_MISSING.
            WorkerUnfit: the disk is full.
        """
        media_format = check_format(file)
        arguments = (
            *("-v", "error", "-protocol_whitelist", _PROTOCOLS, "-f", media_format.value),
            *("-show_entries", _PROBED, "-of", "json", f"file:{file.path}"),
        )
        timeout_sec = min(_PROBE_SEC, self._section.ffmpeg_timeout_sec)
        result = await run_program(self._command("ffprobe", arguments, file, timeout_sec))
        _check(result)
        audio_sec, whole_sec = _read_probe(result.output)
        if media_format in _GUESSED:
            return Probe(media_format, None)
        self._check_duration(audio_sec or whole_sec or 0.0)
        if media_format is MediaFormat.WAV and audio_sec:
            audio_sec *= max(1.0, riff_bytes(file) / file.size)  # ffprobe counts what is there
        return Probe(media_format, audio_sec)

    @asynccontextmanager
    async def convert(
        self, file: OpenFile, probe: Probe, resources: ResourceCalculator
    ) -> AsyncIterator[ConvertedAudio]:
        """Convert the audio of *file* into a file that is gone when the context ends.

        Raises:
            PermanentError: MEDIA_INVALID, MEDIA_TOO_LARGE, MEDIA_TIMEOUT or FFMPEG_MISSING.
            WorkerUnfit: the disk is full.
        """
        with temporary_file() as target:
            silences = await self._write(file, probe, target.fileno(), resources)
            size = os.fstat(target.fileno()).st_size
            audio = ConvertedAudio(target.fileno(), size, silences.silences)
            if size < FRAME_BYTES:
                message = "ffmpeg found no audio in the recording"
                raise PermanentError(message, code=ErrorCode.MEDIA_INVALID)
            self._check_duration(audio.duration_sec)
            resources.add_audio_seconds(audio.duration_sec)
            yield audio

    async def _write(
        self, file: OpenFile, probe: Probe, target: int, resources: ResourceCalculator
    ) -> SilenceLog:
        silences, cpu_sec = SilenceLog(), 0.0

        def on_line(line: str) -> None:
            nonlocal cpu_sec
            silences.take(line)
            if used := _CPU_USED.match(line):
                cpu_sec = float(used[1]) + float(used[2])

        source = ("-f", probe.media_format.value, "-i", f"file:{file.path}")
        arguments = (
            *("-nostdin", "-hide_banner", "-nostats", "-benchmark", "-threads", "1"),
            *("-protocol_whitelist", _PROTOCOLS, *source),
            # Only the first audio track. Pictures are not decoded.
            *("-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"),
            # One second more than allowed, so that _check_duration notices an excess.
            *("-af", FILTER, "-t", f"{self._max_sec + 1:.0f}", *ENCODER, "pipe:1"),
        )
        timeout_sec = self._section.ffmpeg_timeout_sec
        command = self._command("ffmpeg", arguments, file, timeout_sec, output=target)
        _check(await run_program(command, on_line=on_line))
        resources.add_compute_seconds(cpu_sec)
        return silences

    def _command(
        self,
        name: str,
        arguments: tuple[str, ...],
        file: OpenFile,
        timeout_sec: float,
        output: int | None = None,
    ) -> Command:
        limits = ProcessLimits(
            memory_bytes=self._section.memory_mb * 2**20,
            cpu_sec=int(self._section.ffmpeg_timeout_sec) + 1,
            file_bytes=int((self._max_sec + 60) * BYTES_PER_SEC) if output is not None else 0,
        )
        return Command(self._program(name), arguments, limits, timeout_sec, (file.fd,), output)

    def _program(self, name: str) -> str:
        configured = self._section.ffmpeg
        in_its_folder = str(Path(configured).with_name(name)) if "/" in configured else name
        candidates = [configured] if name == "ffmpeg" else [in_its_folder, name]
        for candidate in candidates:
            if found := shutil.which(candidate):
                return found
        message = f"{name} is not installed: install it, or set media.ffmpeg to its path"
        raise PermanentError(message, code=ErrorCode.FFMPEG_MISSING)

    def _check_duration(self, duration_sec: float) -> None:
        if duration_sec > self._max_sec:
            hours = f"{self._section.max_hours:g}"
            message = f"the recording is longer than {hours} hours (media.max_hours)"
            raise PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)


def shortfall(probe: Probe, audio: ConvertedAudio) -> str | None:
    """Return a warning if much of the audio that the file claims to have could not be decoded."""
    claimed, decoded = probe.audio_sec or 0.0, audio.duration_sec
    if claimed - decoded <= max(_SHORTFALL_SEC, claimed / 100):
        return None
    seconds = f"{decoded:.0f} of its {claimed:.0f} seconds"
    return f"the recording may be damaged: only {seconds} could be decoded"


def exit_error(result: ProgramResult) -> SecretaryError | None:
    """Return the error for a failed run of ffmpeg; None if the run succeeded.

    Only the worker's log shows ffmpeg's own output, because it names paths and quotes the file.
    """
    if result.returncode == 0:
        return None
    log.warning("media.ffmpeg_failed", exit=result.returncode, stderr=result.stderr[-1000:])
    if result.returncode == EXIT_NO_PROGRAM:
        return PermanentError("ffmpeg cannot be run", code=ErrorCode.FFMPEG_MISSING)
    return _limit_error(result) or PermanentError(
        "the recording is damaged, or it does not have the format that its first bytes claim",
        code=ErrorCode.MEDIA_INVALID,
    )


def _limit_error(result: ProgramResult) -> SecretaryError | None:
    if result.returncode == -signal.SIGXCPU or _CPU_SPENT in result.stderr:
        return timeout_error("ffmpeg")
    if result.returncode == -signal.SIGXFSZ:
        message = "the recording has more audio than media.max_hours allows"
        return PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)
    if _NO_ROOM in result.stderr:
        return no_room()
    if _NO_MEMORY.search(result.stderr):
        message = "the recording needs more memory than media.memory_mb allows"
        return PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)
    return None


def _check(result: ProgramResult) -> None:
    error = exit_error(result)
    if error is not None:
        raise error


def _read_probe(output: bytes) -> tuple[float | None, float | None]:
    """Return the lengths in *output* of the first audio track and of the whole file, in seconds.

    A length is None if ffprobe does not know it.
    """
    try:
        probed = json.loads(output)
        tracks = [one for one in probed.get("streams", []) if one.get("codec_type") == "audio"]
        lengths = [one.get("duration") for one in (*tracks[:1], probed.get("format", {}))]
        seconds = [None if length is None else float(length) for length in lengths]
    except (ValueError, AttributeError, TypeError):
        message = "ffprobe's description of the recording cannot be read"
        raise PermanentError(message, code=ErrorCode.MEDIA_INVALID) from None
    if not tracks:
        raise PermanentError("the recording has no audio", code=ErrorCode.MEDIA_NO_AUDIO)
    return seconds[0], seconds[1]
