"""What a child's death without a last word means."""

import signal

import pytest

from secretary_common.errors import ErrorCode
from secretary_worker.confinement import EXIT_OUT_OF_MEMORY
from secretary_worker.postmortem import Ending, judge


@pytest.mark.parametrize(
    ("returncode", "stderr", "code"),
    [
        (-signal.SIGXCPU, "", ErrorCode.PARSE_TIMEOUT),
        (EXIT_OUT_OF_MEMORY, "", ErrorCode.PARSE_MEMORY_LIMIT),
        (-signal.SIGABRT, "what():  std::bad_alloc", ErrorCode.PARSE_MEMORY_LIMIT),
        (1, "MemoryError", ErrorCode.PARSE_MEMORY_LIMIT),
        (-signal.SIGABRT, "free(): invalid pointer", ErrorCode.PARSER_CRASHED),
        (-signal.SIGSEGV, "", ErrorCode.PARSER_CRASHED),
        (-signal.SIGKILL, "", ErrorCode.PARSER_CRASHED),
        (-(signal.SIGRTMIN + 1), "", ErrorCode.PARSER_CRASHED),
        (1, "Traceback …", ErrorCode.PARSER_CRASHED),
        (0, "", ErrorCode.PARSER_CRASHED),
    ],
)
def test_every_death_has_its_code(returncode: int, stderr: str, code: ErrorCode) -> None:
    assert judge(Ending(returncode, stderr)).code == code


def test_a_crash_names_the_signal_and_keeps_standard_error_to_the_log() -> None:
    error = judge(Ending(-signal.SIGSEGV, "/somewhere/private.py"))
    assert error.message == "the parser crashed (SIGSEGV)"
    assert error.details == {"exit": "SIGSEGV"}
