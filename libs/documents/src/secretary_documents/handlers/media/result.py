"""The result and the files of a ``media`` job."""

from __future__ import annotations

import json
from collections.abc import Callable

from secretary_common.models import JsonObject
from secretary_documents.handlers.media.parameters import MediaParameters, TranscriptFile
from secretary_documents.media.captions import as_srt, as_vtt, captions_of
from secretary_documents.media.recording_transcriber import RecordingTranscript
from secretary_documents.providers.transcript import Segment, Word

NO_TIMES = "the model gives no times: each piece of the recording is one segment"
NO_WORDS = "the model gives no times of words"
NO_SPEAKERS = "the model names no speakers"
TYPES: dict[TranscriptFile, str] = {
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
}


def file_name(kind: TranscriptFile) -> str:
    """Return the name of the job's file of this kind."""
    return f"transcript.{kind}"


def transcript_json(transcript: RecordingTranscript) -> JsonObject:
    """Return the language, the length, the segments and the words of *transcript*."""
    return {
        "language": transcript.language,
        "duration_sec": transcript.duration_sec,
        "segments": [_segment(one) for one in transcript.segments],
        "words": [_word(one) for one in transcript.words],
    }


def warnings_of(transcript: RecordingTranscript, parameters: MediaParameters) -> list[str]:
    """Return what the transcript lacks of what the job asks for."""
    named = any(segment.speaker for segment in transcript.segments)
    lacks = {
        NO_TIMES: not transcript.has_times,
        NO_WORDS: parameters.words and bool(transcript.segments) and not transcript.words,
        NO_SPEAKERS: parameters.speakers and bool(transcript.segments) and not named,
    }
    found = [transcript.warning] if transcript.warning else []
    return [*found, *(warning for warning, applies in lacks.items() if applies)]


def content_of(kind: TranscriptFile, transcript: RecordingTranscript) -> bytes:
    """Return the file of this kind."""
    write: dict[TranscriptFile, Callable[[], str]] = {
        "vtt": lambda: as_vtt(captions_of(transcript.segments, transcript.words)),
        "srt": lambda: as_srt(captions_of(transcript.segments, transcript.words)),
        "json": lambda: json.dumps(transcript_json(transcript), ensure_ascii=False),
        "txt": lambda: f"{transcript.plain}\n",
    }
    return write[kind]().encode(errors="replace")


def _segment(segment: Segment) -> JsonObject:
    found: JsonObject = {
        "start": segment.start_sec,
        "end": segment.end_sec,
        "text": segment.text,
    }
    return found | ({"speaker": segment.speaker} if segment.speaker else {})


def _word(word: Word) -> JsonObject:
    return {"start": word.start_sec, "end": word.end_sec, "word": word.text}
