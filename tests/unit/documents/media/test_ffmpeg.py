"""What the exit of ffmpeg means for a recording."""

import signal

import pytest

from secretary_common.errors import ErrorCode, PermanentError, WorkerUnfit
from secretary_documents.media.ffmpeg import exit_error
from secretary_documents.media.program import ProgramResult


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
def test_every_exit_of_ffmpeg_has_its_code(returncode: int, stderr: str, code: ErrorCode) -> None:
    error = exit_error(ProgramResult(returncode, b"", stderr))
    assert isinstance(error, PermanentError)
    assert error.code == code


def test_a_full_disk_is_no_fault_of_the_recording() -> None:
    result = ProgramResult(1, b"", "av_write: No space left on device")
    assert isinstance(exit_error(result), WorkerUnfit)


def test_ffmpegs_output_does_not_reach_the_client() -> None:
    error = exit_error(ProgramResult(1, b"", "/somewhere/private"))
    assert error is not None
    assert "private" not in error.message
    assert error.details is None
