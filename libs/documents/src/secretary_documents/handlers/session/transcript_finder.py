"""Finds the transcript of a talk: in the parameters, in captions, or in the recording."""

from __future__ import annotations

import asyncio
from typing import Protocol

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_documents.handlers.session import progress as steps
from secretary_documents.handlers.session.talk import Talk
from secretary_documents.media.recording_transcriber import RecordingTranscript
from secretary_documents.web.caption import parse_captions, transcript_of
from secretary_documents.web.charset import decode
from secretary_documents.web.download import Downloader

CAPTIONS_BYTES = 10 * 2**20
ACCEPT = "text/vtt, application/x-subrip, text/plain;q=0.5, */*;q=0.1"


class TranscribeRecording(Protocol):
    """Transcribes recordings."""

    async def __call__(
        self,
        url: str,
        language: str | None,
        resources: ResourceCalculator,
        *,
        use_cache: bool,
    ) -> RecordingTranscript:
        """Transcribe the recording at *url*. *use_cache* allows cached transcripts.

        Raises:
            PermanentError: the recording cannot be fetched or read, or no provider is configured.
            TransientError: a later attempt may succeed.
        """
        ...


class TranscriptFinder:
    """Finds the transcript of a talk. One instance serves all jobs."""

    def __init__(self, downloader: Downloader, transcribe: TranscribeRecording | None) -> None:
        """*transcribe* transcribes recordings. With None, recordings are not used."""
        self._downloader = downloader
        self._transcribe = transcribe

    async def find(self, talk: Talk) -> str:
        """Return the transcript; "" if the talk has no transcript.

        If captions or the recording fail, the error becomes a warning.
        """
        if talk.parameters.video_transcript is not None:
            return talk.parameters.video_transcript
        captions = talk.plan.captions
        if captions is not None:
            try:
                transcript = await self._captions(captions.url, talk.resources)
            except (PermanentError, TransientError) as error:
                talk.warn("captions", error, captions.url)
            else:
                talk.report.progress(steps.MEDIA_DOWNLOADED)
                return transcript
        return await self._transcribed(talk)

    async def _captions(self, url: str, resources: ResourceCalculator) -> str:
        async with self._downloader.fetch(url, accept=ACCEPT) as download:
            resources.add_bytes(download.size)
            if download.size > CAPTIONS_BYTES:
                message = f"the captions have more than {CAPTIONS_BYTES} bytes"
                raise PermanentError(message, code=ErrorCode.FILE_TOO_LARGE)
            download.file.seek(0)
            content = decode(download.file.read(), download.content_type)
        # The largest file takes 3 s of CPU time, so the parser runs in a thread.
        transcript = await asyncio.to_thread(lambda: transcript_of(parse_captions(content)))
        if not transcript:
            raise PermanentError("the file has no captions", code=ErrorCode.CAPTIONS_INVALID)
        return transcript

    async def _transcribed(self, talk: Talk) -> str:
        url = talk.plan.video_url
        if url is None:
            return ""
        language = talk.parameters.source_language
        try:
            if self._transcribe is None:
                message = "there are no captions, and this worker does not transcribe recordings"
                raise PermanentError(message, code=ErrorCode.TRANSCRIPTION_NOT_CONFIGURED)
            talk.report.progress(steps.TRANSCRIBING)
            spoken = None if language == "auto" else language
            transcript = await self._transcribe(
                url, spoken, talk.resources, use_cache=talk.parameters.use_cache
            )
        except (PermanentError, TransientError) as error:
            talk.warn("video", error, url)
            return ""
        if transcript.warning:
            talk.warn(
                "video", PermanentError(transcript.warning, code=ErrorCode.MEDIA_INVALID), url
            )
        return transcript.text
