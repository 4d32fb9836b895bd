"""Maps the exit status of a child that sent no end message to an error. No I/O."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_worker.sandbox.limits import EXIT_OUT_OF_MEMORY

# Native code writes one of these to standard error when an allocation fails and it gives up.
_OUT_OF_MEMORY_MARKS = ("bad_alloc", "Cannot allocate memory", "MemoryError")


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a child ended, as the zygote reports it."""

    returncode: int
    """Negative: the signal that ended the child."""
    cpu_used_up: bool = False
    """Whether it had used the CPU time after which the kernel kills it."""


def error_of(status: ExitStatus, stderr: str) -> SecretaryError:
    """Return the error of a child that ended with *status*; *stderr* is the tail of its output.

    A document cannot make its reader send SIGKILL. The kernel sends it at the hard limit of CPU
    time. Otherwise it came from outside, most likely because the machine had no memory left:
    children are killed first (``die_first``). Then the job is tried again.
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
    """Return the error of a child that used too much time, of the CPU or on the wall clock."""
    message = "the document takes more time than it may use"
    return PermanentError(message, code=ErrorCode.PARSE_TIMEOUT)


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
