"""The ``media`` job: transcribes a recording, and writes the transcript as JSON and as captions."""

from __future__ import annotations

import asyncio

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JsonObject
from secretary_documents.handlers.contract import AttemptRepository, JobReport
from secretary_documents.handlers.media import progress as steps
from secretary_documents.handlers.media.parameters import MediaParameters
from secretary_documents.handlers.media.result import (
    TYPES,
    content_of,
    file_name,
    transcript_json,
    warnings_of,
)
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.source import FileSource
from secretary_documents.media.recording_transcriber import (
    ACCEPT,
    RecordingTranscriber,
    RecordingTranscript,
)


class MediaHandler:
    """Handles ``media`` jobs. One instance serves all jobs at the same time."""

    def __init__(self, transcriber: RecordingTranscriber, source: FileSource) -> None:
        """*source* opens the recordings that jobs name, except those of video pages."""
        self._transcriber = transcriber
        self._source = source

    async def __call__(
        self, job: Job, repo: AttemptRepository, resource_calculator: ResourceCalculator
    ) -> None:
        """Transcribe the recording that *job* names, and complete the job.

        Raises:
            PermanentError: the parameters are bad; the recording cannot be fetched or read; a
                program or the provider is not configured, or the provider refuses the recording.
            TransientError: the recording or the provider may be reached at a later attempt, which
                continues after the pieces that are transcribed.
        """
        report = JobReport(job.job_id, repo)
        report.progress(steps.INITIALIZING)
        parameters = parse_parameters(MediaParameters, job.parameters)
        report.progress(steps.DOWNLOADING)
        async with report.repeating_progress():
            transcript = await self._transcript(parameters, report, job.owner, resource_calculator)
        report.progress(steps.FINALIZING)
        for kind in parameters.files:
            content = await asyncio.to_thread(content_of, kind, transcript)
            await report.file(file_name(kind), content, TYPES[kind])
        result = build_result(transcript, parameters)
        for warning in result["warnings"]:
            report.log("warning", warning)
        report.progress(steps.COMPLETED)
        await report.complete({**result, "usage": resource_calculator.usage()})

    async def _transcript(
        self,
        parameters: MediaParameters,
        report: JobReport,
        owner: str,
        resources: ResourceCalculator,
    ) -> RecordingTranscript:
        transcriber, url = self._transcriber, parameters.url

        def on_piece(done: int, total: int) -> None:
            report.progress(steps.pieces_transcribed(done, total))

        if url is not None and transcriber.is_page(url):
            return await transcriber.transcribe_page(
                url,
                parameters.spoken,
                resources,
                use_cache=parameters.use_cache,
                options=parameters.speech,
                on_piece=on_piece,
            )
        transcriber.check_ready()  # before the download of a large file
        async with self._source.open(parameters, owner, accept=ACCEPT) as file:
            report.progress(steps.CONVERTING)
            return await transcriber.transcribe_file(
                file,
                parameters.spoken,
                resources,
                use_cache=parameters.use_cache,
                options=parameters.speech,
                on_piece=on_piece,
            )


def build_result(transcript: RecordingTranscript, parameters: MediaParameters) -> JsonObject:
    """Return the job's result without its usage."""
    return {
        "text": transcript.plain,
        "transcript": transcript.text,
        **transcript_json(transcript),
        "source": transcript.source.value,
        "files": {kind: file_name(kind) for kind in parameters.files},
        "warnings": warnings_of(transcript, parameters),
    }
