"""Maps the exit status of a child that sent no end message to an error. No I/O."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_worker.sandbox.limits import EXIT_OUT_OF_MEMORY

# Native code prints one of these texts when an allocation fails and it gives up.
_OUT_OF_MEMORY_MARKS = ("bad_alloc", "Cannot allocate memory", "MemoryError")


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """The end of a child, as the zygote reports it."""

    returncode: int
    """The exit code. If negative, the number of the signal that ended the child."""
    cpu_used_up: bool = False
    """Whether the child had used the CPU time after which the kernel kills it."""


def error_of(status: ExitStatus, stderr: str) -> SecretaryError:
    """Return the error for a child that ended with *status*.

    *stderr* is the end of the child's standard error. A child that was killed by SIGKILL had used
    up its CPU time, or was killed from outside, most likely because the machine had no memory left:
    the kernel kills children first (``die_first``). The document did not cause a kill from outside,
    so the job is tried again.
    """
    returncode = status.returncode
    details = {"exit": _describe(returncode)}
    if returncode == -signal.SIGXCPU:
        return timed_out()
    if returncode == -signal.SIGKILL:
        if status.cpu_used_up:
            return timed_out()
        message = "the parser was killed from outside, as happens when memory runs out"
        return TransientError(message, code=ErrorCode.PARSER_CRASHED, details=details)
    starved = any(mark in stderr for mark in _OUT_OF_MEMORY_MARKS)
    if returncode == EXIT_OUT_OF_MEMORY or (returncode and starved):
        message = "the document needs more memory than it may use"
        return PermanentError(message, code=ErrorCode.PARSE_MEMORY_LIMIT)
    message = f"the parser crashed ({details['exit']})"
    return PermanentError(message, code=ErrorCode.PARSER_CRASHED, details=details)


def timed_out() -> PermanentError:
    """Return the error for a child that used too much CPU time or wall-clock time."""
    message = "the document takes more time than it may use"
    return PermanentError(message, code=ErrorCode.PARSE_TIMEOUT)


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
