"""How the transcript of a recording is written."""

from secretary_documents.media.recording_transcriber import RecordingTranscript, TranscriptSource
from secretary_documents.providers.transcript import Segment


def test_a_transcript_shows_when_each_paragraph_begins() -> None:
    segments = [Segment(0, 3.2, "Good morning."), Segment(3661.9, 3670, "Good bye.")]
    transcript = RecordingTranscript(tuple(segments), TranscriptSource.TRANSCRIPTION)
    assert transcript.text == "[00:00:00] Good morning.\n\n[01:01:01] Good bye."
    assert transcript.plain == "Good morning. Good bye."
