"""Which error a child's exit status means."""

import signal

import pytest

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_worker.sandbox.exit_status import ExitStatus, error_of
from secretary_worker.sandbox.limits import EXIT_OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("returncode", "stderr", "code"),
    [
        (-signal.SIGXCPU, "", ErrorCode.PARSE_TIMEOUT),
        (EXIT_OUT_OF_MEMORY, "", ErrorCode.PARSE_MEMORY_LIMIT),
        (-signal.SIGABRT, "what():  std::bad_alloc", ErrorCode.PARSE_MEMORY_LIMIT),
        (1, "MemoryError", ErrorCode.PARSE_MEMORY_LIMIT),
        (-signal.SIGABRT, "free(): invalid pointer", ErrorCode.PARSER_CRASHED),
        (-signal.SIGSEGV, "", ErrorCode.PARSER_CRASHED),
        (-(signal.SIGRTMIN + 1), "", ErrorCode.PARSER_CRASHED),
        (1, "Traceback …", ErrorCode.PARSER_CRASHED),
        (0, "", ErrorCode.PARSER_CRASHED),
    ],
)
def test_each_exit_status_has_its_code(returncode: int, stderr: str, code: ErrorCode) -> None:
    error = error_of(ExitStatus(returncode), stderr)
    assert isinstance(error, PermanentError)
    assert error.code == code


def test_a_crash_names_the_signal_and_hides_standard_error() -> None:
    error = error_of(ExitStatus(-signal.SIGSEGV), "/somewhere/private.py")
    assert error.message == "the parser crashed (SIGSEGV)"
    assert error.details == {"exit": "SIGSEGV"}


def test_a_child_killed_from_outside_is_a_transient_error() -> None:
    error = error_of(ExitStatus(-signal.SIGKILL), "Cannot allocate memory")
    assert isinstance(error, TransientError)
    assert error.code == ErrorCode.PARSER_CRASHED
    assert error.details == {"exit": "SIGKILL"}


def test_a_child_killed_at_the_end_of_its_cpu_time_timed_out() -> None:
    error = error_of(ExitStatus(-signal.SIGKILL, cpu_used_up=True), "")
    assert isinstance(error, PermanentError)
    assert error.code == ErrorCode.PARSE_TIMEOUT
