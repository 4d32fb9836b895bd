"""Has ffmpeg look at a recording and write down its sound; nothing but that file is read."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.settings.media import MediaSection
from secretary_documents.media.exit_status import judge
from secretary_documents.media.media_format import HEAD_BYTES, MediaFormat, describe, detect_format
from secretary_documents.media.program import Command, Ended, run_program
from secretary_documents.media.silence import FILTER, SilenceLog
from secretary_documents.media.speech import BYTES_PER_SEC, ENCODER, FRAME_BYTES, Speech
from secretary_worker import Limits, OpenFile

# Not a word of these files' own may lead anywhere else: no http, no concat, no subfile, no crypto.
_PROTOCOLS = "file,pipe,fd"
_CPU_USED = re.compile(r"bench: utime=(\d{1,9}(?:\.\d+)?)s stime=(\d{1,9}(?:\.\d+)?)s")
_PROBE_SEC = 60.0
_PROBED = "stream=codec_type,duration:format=duration"
# Without a header; ffprobe guesses from the first frames.
_GUESSED = (MediaFormat.MP3, MediaFormat.AAC)
# Encoders pad, and what is left of a broken frame is not worth a word.
_SHORTFALL_SEC = 5.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What a recording says of itself."""

    kind: MediaFormat
    sound_sec: float | None
    """How long its sound lasts; None where it does not tell that."""


class Ffmpeg:
    """Runs ffmpeg within the limits of a section. One instance serves all jobs."""

    def __init__(self, section: MediaSection) -> None:
        self._section = section
        self._max_sec = section.max_hours * 3600

    def check_installed(self) -> None:
        """Refuse to begin what ffmpeg is needed for where it is not.

        Raises:
            PermanentError: FFMPEG_MISSING.
        """
        self._program("ffmpeg")
        self._program("ffprobe")

    async def probe(self, file: OpenFile) -> Probe:
        """What *file* is; a container of sound, by its content.

        Raises:
            PermanentError: MEDIA_INVALID, MEDIA_NO_AUDIO, MEDIA_TOO_LARGE (it lasts longer than
                ``max_hours``), MEDIA_TIMEOUT or FFMPEG_MISSING.
        """
        kind = check_kind(file)
        arguments = (
            *("-v", "error", "-protocol_whitelist", _PROTOCOLS, "-f", kind.value),
            *("-show_entries", _PROBED, "-of", "json", f"file:{file.path}"),
        )
        timeout_sec = min(_PROBE_SEC, self._section.ffmpeg_timeout_sec)
        ended = await run_program(self._command("ffprobe", arguments, file, timeout_sec))
        _check(ended)
        sound_sec, whole_sec = _read_probe(ended.output)
        if kind in _GUESSED:
            return Probe(kind, None)
        self._check_duration(sound_sec or whole_sec or 0.0)
        return Probe(kind, sound_sec)

    @asynccontextmanager
    async def speech(
        self, file: OpenFile, probe: Probe, resources: ResourceCalculator
    ) -> AsyncIterator[Speech]:
        """The sound of *file*, in a file that is gone afterwards.

        Raises:
            PermanentError: MEDIA_INVALID, MEDIA_TOO_LARGE, MEDIA_TIMEOUT or FFMPEG_MISSING.
            TransientError: there is no room for it.
        """
        with tempfile.TemporaryFile() as sound:
            silences = await self._write(file, probe, sound.fileno(), resources)
            size = os.fstat(sound.fileno()).st_size
            speech = Speech(sound.fileno(), size, silences.silences)
            if size < FRAME_BYTES:
                message = "no sound can be made out in the recording"
                raise PermanentError(message, code=ErrorCode.MEDIA_INVALID)
            self._check_duration(speech.duration_sec)
            resources.add_audio_seconds(speech.duration_sec)
            yield speech

    async def _write(
        self, file: OpenFile, probe: Probe, sound: int, resources: ResourceCalculator
    ) -> SilenceLog:
        log, cpu_sec = SilenceLog(), 0.0

        def on_line(line: str) -> None:
            nonlocal cpu_sec
            log.take(line)
            if used := _CPU_USED.match(line):
                cpu_sec = float(used[1]) + float(used[2])

        arguments = (
            *("-nostdin", "-hide_banner", "-nostats", "-benchmark", "-threads", "1"),
            *("-protocol_whitelist", _PROTOCOLS, "-f", probe.kind.value, "-i", f"file:{file.path}"),
            # The first track of sound; pictures are not even decoded.
            *("-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"),
            # A second more than is taken: then it is known to be too long.
            *("-af", FILTER, "-t", f"{self._max_sec + 1:.0f}", *ENCODER, "pipe:1"),
        )
        timeout_sec = self._section.ffmpeg_timeout_sec
        command = self._command("ffmpeg", arguments, file, timeout_sec, output=sound)
        _check(await run_program(command, on_line=on_line))
        resources.add_compute_seconds(cpu_sec)
        return log

    def _command(
        self,
        name: str,
        arguments: tuple[str, ...],
        file: OpenFile,
        timeout_sec: float,
        output: int | None = None,
    ) -> Command:
        limits = Limits(
            memory_bytes=self._section.memory_mb * 2**20,
            cpu_sec=int(self._section.ffmpeg_timeout_sec) + 1,
            file_bytes=int((self._max_sec + 60) * BYTES_PER_SEC) if output is not None else 0,
        )
        return Command(self._program(name), arguments, limits, timeout_sec, (file.fd,), output)

    def _program(self, name: str) -> str:
        configured = self._section.ffmpeg
        beside = str(Path(configured).with_name(name)) if "/" in configured else name
        candidates = [configured] if name == "ffmpeg" else [beside, name]
        for candidate in candidates:
            if found := shutil.which(candidate):
                return found
        message = f"{name} is not installed: install it, or set media.ffmpeg to where it lies"
        raise PermanentError(message, code=ErrorCode.FFMPEG_MISSING)

    def _check_duration(self, duration_sec: float) -> None:
        if duration_sec > self._max_sec:
            hours = f"{self._section.max_hours:g}"
            message = f"the recording lasts longer than {hours} hours (media.max_hours)"
            raise PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)


def check_kind(file: OpenFile) -> MediaFormat:
    """The kind of *file*, by its content.

    Raises:
        PermanentError: MEDIA_INVALID.
    """
    head = os.pread(file.fd, HEAD_BYTES, 0)
    kind = detect_format(head)
    if kind is None:
        message = f"the file is no recording that can be heard here, but {describe(head)}"
        raise PermanentError(message, code=ErrorCode.MEDIA_INVALID)
    return kind


def shortfall(probe: Probe, speech: Speech) -> str | None:
    """What to say where much less could be decoded than the recording says it has; else None."""
    told, had = probe.sound_sec or 0.0, speech.duration_sec
    if told - had <= max(_SHORTFALL_SEC, told / 100):
        return None
    return f"the recording may be damaged: {had:.0f} of its {told:.0f} seconds could be heard"


def _check(ended: Ended) -> None:
    error = judge(ended)
    if error is not None:
        raise error


def _read_probe(output: bytes) -> tuple[float | None, float | None]:
    """The seconds of the first track of sound and of the whole, as far as they are told."""
    try:
        told = json.loads(output)
        tracks = [one for one in told.get("streams", []) if one.get("codec_type") == "audio"]
        lengths = [one.get("duration") for one in (*tracks[:1], told.get("format", {}))]
        seconds = [None if length is None else float(length) for length in lengths]
    except (ValueError, AttributeError, TypeError):
        message = "nothing can be made of what the recording says of itself"
        raise PermanentError(message, code=ErrorCode.MEDIA_INVALID) from None
    if not tracks:
        raise PermanentError("the recording has no sound", code=ErrorCode.MEDIA_NO_AUDIO)
    return seconds[0], seconds[1]
