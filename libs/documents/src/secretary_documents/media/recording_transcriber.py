"""Makes the transcript of the recording at a URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.documents import MediaSection
from secretary_common.settings.provider import TranscriptionSection
from secretary_documents.concurrency import run_each
from secretary_documents.media.converted_audio import ConvertedAudio
from secretary_documents.media.ffmpeg import Ffmpeg, shortfall
from secretary_documents.media.yt_dlp import YtDlp
from secretary_documents.providers.transcript import (
    PLAIN,
    AudioPiece,
    Segment,
    SpeechOptions,
    Transcript,
    Word,
    merge_transcripts,
)
from secretary_documents.providers.transcription import Transcriber
from secretary_documents.web.caption import Cue, parse_captions, transcript_of
from secretary_documents.web.download import Downloader
from secretary_worker import OpenFile

ACCEPT = "audio/*, video/*, */*;q=0.1"
OnPiece = Callable[[int, int], None]


def ignore_piece(_done: int, _total: int) -> None:
    """Report no progress."""


class TranscriptSource(StrEnum):
    """The source of a transcript."""

    CAPTIONS = "captions"
    TRANSCRIPTION = "transcription"


@dataclass(frozen=True, slots=True)
class RecordingTranscript:
    """The transcript of a whole recording."""

    segments: tuple[Segment, ...]
    """The segments in order, with times in seconds from the beginning of the recording."""
    source: TranscriptSource
    language: str | None = None
    """The language, as the model names it."""
    duration_sec: float | None = None
    """The length of the audio; None if the transcript comes from captions."""
    warning: str | None = None
    """A warning if only a part of the recording could be decoded."""
    words: tuple[Word, ...] = ()
    """The words in order; empty if they are not wanted, or not known."""
    has_times: bool = True
    """Whether the times of the segments are known. If not, each piece is one segment."""

    @property
    def text(self) -> str:
        """The text in paragraphs, each with the time at which it begins: ``[hh:mm:ss] …``."""
        return transcript_of(Cue(one.start_sec, one.end_sec, one.text) for one in self.segments)

    @property
    def plain(self) -> str:
        """The text without times."""
        return " ".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class RecordingTranscriber:
    """Transcribes recordings: from a video page's captions, or with ffmpeg and a provider.

    One instance serves all jobs. A call leaves no file and no process behind. Its files have no
    names or are in a folder that the call removes. The call kills each program that it started.
    """

    section: MediaSection
    provider: TranscriptionSection
    downloader: Downloader
    """Fetches recordings up to ``max_mb``; its code for a larger file is MEDIA_TOO_LARGE."""
    ffmpeg: Ffmpeg
    yt_dlp: YtDlp
    client: Transcriber
    cached: Transcriber | None = None
    """A ``Transcriber`` that adds a cache to *client*; None caches no transcript."""

    async def __call__(
        self,
        url: str,
        language: str | None,
        resources: ResourceCalculator,
        *,
        use_cache: bool = True,
    ) -> RecordingTranscript:
        """Transcribe the recording at *url*, or on the video page at *url*.

        Args:
            url: the address of a recording, or of a page on one of ``yt_dlp_hosts``.
            language: ISO 639-1; None lets the model detect the language.
            resources: counts bytes, seconds of audio, requests and cost.
            use_cache: whether to read from the cache of transcripts and write to it.

        Raises:
            PermanentError: URL_REFUSED, FETCH_FAILED, MEDIA_…, FFMPEG_MISSING,
                YT_DLP_NOT_CONFIGURED, TRANSCRIPTION_NOT_CONFIGURED, PROVIDER_…
            TransientError: FETCH_FAILED or PROVIDER_…; a later attempt may succeed.
            WorkerUnfit: the disk is full.
        """
        if self.is_page(url):
            return await self.transcribe_page(url, language, resources, use_cache=use_cache)
        self.check_ready()  # before the download of a large file
        async with self._downloaded(url) as file:
            return await self.transcribe_file(file, language, resources, use_cache=use_cache)

    def is_page(self, url: str) -> bool:
        """Return whether *url* is a video page, which only yt-dlp can read."""
        return self.yt_dlp.accepts(url)

    def check_ready(self) -> None:
        """Check that the provider is configured and ffmpeg is installed.

        Raises:
            PermanentError: TRANSCRIPTION_NOT_CONFIGURED, FFMPEG_MISSING.
        """
        self.client.check_configured()
        self.ffmpeg.check_installed()

    async def transcribe_file(
        self,
        file: OpenFile,
        language: str | None,
        resources: ResourceCalculator,
        *,
        use_cache: bool = True,
        options: SpeechOptions = PLAIN,
        on_piece: OnPiece = ignore_piece,
    ) -> RecordingTranscript:
        """Transcribe the recording *file*; see ``__call__``.

        Args:
            file: the recording.
            language: ISO 639-1; None lets the model detect the language.
            resources: counts bytes, seconds of audio, requests and cost.
            use_cache: whether to read from the cache of transcripts and write to it. A transcript
                of a piece is cached at once, so a later attempt needs only the other pieces.
            options: what the transcript should contain besides its text.
            on_piece: called with the number of finished pieces and of all pieces.
        """
        self.check_ready()
        resources.add_bytes(file.size)
        probe = await self.ffmpeg.probe(file)
        async with self.ffmpeg.convert(file, probe, resources) as audio:
            client = (self.cached if use_cache else None) or self.client
            transcribe = partial(
                client.transcribe, language=language, resources=resources, options=options
            )
            transcript = await self._transcribe_audio(audio, transcribe, on_piece)
            return RecordingTranscript(
                segments=transcript.segments,
                source=TranscriptSource.TRANSCRIPTION,
                language=transcript.language,
                duration_sec=audio.duration_sec,
                warning=shortfall(probe, audio),
                words=transcript.words,
                has_times=transcript.has_times,
            )

    async def transcribe_page(
        self,
        url: str,
        language: str | None,
        resources: ResourceCalculator,
        *,
        use_cache: bool = True,
        options: SpeechOptions = PLAIN,
        on_piece: OnPiece = ignore_piece,
    ) -> RecordingTranscript:
        """Transcribe the recording on the video page at *url*; see ``transcribe_file``.

        Captions of the page are used if there are any.
        """
        async with self.yt_dlp.page(url) as page:
            captions = await page.captions(language)
            cues = await asyncio.to_thread(parse_captions, captions or "")
            if cues:
                segments = (Segment(cue.start, cue.end, cue.text) for cue in cues)
                return RecordingTranscript(tuple(segments), TranscriptSource.CAPTIONS)
            self.check_ready()
            async with page.fetch_audio() as file:
                return await self.transcribe_file(
                    file,
                    language,
                    resources,
                    use_cache=use_cache,
                    options=options,
                    on_piece=on_piece,
                )

    @asynccontextmanager
    async def _downloaded(self, url: str) -> AsyncIterator[OpenFile]:
        async with self.downloader.fetch(url, accept=ACCEPT) as download:
            yield OpenFile(download.file.fileno(), download.name, download.size)

    async def _transcribe_audio(
        self,
        audio: ConvertedAudio,
        transcribe: Callable[[AudioPiece], Awaitable[Transcript]],
        on_piece: OnPiece,
    ) -> Transcript:
        piece_mb = min(self.section.piece_mb, self.provider.max_piece_mb)
        spans = audio.spans(
            piece_bytes=int(piece_mb * 2**20), piece_sec=self.section.piece_minutes * 60
        )
        transcripts: list[Transcript] = []
        on_piece(0, len(spans))

        async def transcribe_piece(piece: AudioPiece) -> None:
            transcripts.append(await transcribe(piece))
            on_piece(len(transcripts), len(spans))

        await run_each(audio.pieces(spans), transcribe_piece, parallel=self.provider.parallel)
        return merge_transcripts(transcripts)
