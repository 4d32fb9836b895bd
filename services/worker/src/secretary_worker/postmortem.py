"""What the death of a child without a last word amounts to. Decides only."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.confinement import EXIT_OUT_OF_MEMORY

# What native code writes to standard error when an allocation fails and it gives up.
_OUT_OF_MEMORY_MARKS = ("bad_alloc", "Cannot allocate memory", "MemoryError")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended that said no last word."""

    returncode: int
    """Negative: the signal that ended it."""
    stderr: str
    """The tail of its standard error."""


def judge(ending: Ending) -> PermanentError:
    """The error a child's death without a last word amounts to."""
    details = {"exit": _describe(ending.returncode)}
    if ending.returncode == -signal.SIGXCPU:
        return timed_out()
    starved = any(mark in ending.stderr for mark in _OUT_OF_MEMORY_MARKS)
    if ending.returncode == EXIT_OUT_OF_MEMORY or (ending.returncode and starved):
        message = "the document needs more memory than it may use"
        return PermanentError(message, code=ErrorCode.PARSE_MEMORY_LIMIT)
    message = f"the parser crashed ({details['exit']})"
    return PermanentError(message, code=ErrorCode.PARSER_CRASHED, details=details)


def timed_out() -> PermanentError:
    """The error of a child that took too long, by whichever clock."""
    message = "the document takes more time than it may use"
    return PermanentError(message, code=ErrorCode.PARSE_TIMEOUT)


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
