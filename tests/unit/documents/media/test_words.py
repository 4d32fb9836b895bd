"""What ffmpeg's words and its end mean, and how a transcript is written."""

import signal

import pytest

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_documents.media.exit_status import judge
from secretary_documents.media.program import Ended
from secretary_documents.media.recording_transcriber import RecordingTranscript, TranscriptSource
from secretary_documents.media.silence import Silence, SilenceLog
from secretary_documents.providers.transcription import Segment


def test_silences_are_read_from_what_ffmpeg_says_and_from_nothing_else() -> None:
    log = SilenceLog()
    for line in (
        "[silencedetect @ 0x559f5714f900] silence_start: -0.01",
        "[silencedetect @ 0x559f5714f900] silence_end: 1.5 | silence_duration: 1.51",
        "    title           : [silencedetect @ 0x1] silence_start: 3",
        "[silencedetect @ 0x559f5714f900] silence_end: 4",
        "[silencedetect @ 0x559f5714f900] silence_start: nan",
        "[silencedetect @ 0x559f5714f900] silence_start: 10.0068",
        "[silencedetect @ 0x559f5714f900] silence_end: 12.0037 | silence_duration: 1.99",
        "[silencedetect @ 0x559f5714f900] silence_start: 20",
    ):
        log.take(line)
    assert log.silences == [Silence(0, 1.5), Silence(10.0068, 12.0037)]


@pytest.mark.parametrize(
    ("returncode", "stderr", "code"),
    [
        (1, "moov atom not found", ErrorCode.MEDIA_INVALID),
        (-signal.SIGSEGV, "", ErrorCode.MEDIA_INVALID),
        (-signal.SIGKILL, "", ErrorCode.MEDIA_INVALID),
        (-signal.SIGXCPU, "", ErrorCode.MEDIA_TIMEOUT),
        (255, "Exiting normally, received signal 24.", ErrorCode.MEDIA_TIMEOUT),
        (-signal.SIGXFSZ, "", ErrorCode.MEDIA_TOO_LARGE),
        (1, "Error: Cannot allocate memory", ErrorCode.MEDIA_TOO_LARGE),
        (127, "ffmpeg: Exec format error", ErrorCode.FFMPEG_MISSING),
    ],
)
def test_every_end_of_ffmpeg_has_its_code(returncode: int, stderr: str, code: ErrorCode) -> None:
    error = judge(Ended(returncode, b"", stderr))
    assert isinstance(error, PermanentError)
    assert error.code == code


def test_a_full_disk_is_no_fault_of_the_recording() -> None:
    assert isinstance(judge(Ended(1, b"", "av_write: No space left on device")), TransientError)


def test_what_ffmpeg_wrote_does_not_reach_the_client() -> None:
    error = judge(Ended(1, b"", "/somewhere/private"))
    assert error is not None
    assert "private" not in error.message
    assert error.details is None


def test_a_transcript_tells_when_each_stretch_begins() -> None:
    segments = [Segment(0, 3.2, "Good morning."), Segment(3661.9, 3670, "Good bye.")]
    heard = RecordingTranscript(tuple(segments), TranscriptSource.TRANSCRIPTION)
    assert heard.text == "[00:00:00] Good morning.\n\n[01:01:01] Good bye."
    assert heard.plain == "Good morning. Good bye."
