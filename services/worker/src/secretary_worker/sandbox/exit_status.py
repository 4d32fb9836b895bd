"""What the death of a child without a last word amounts to. Decides only."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_worker.sandbox.limits import EXIT_OUT_OF_MEMORY

# What native code writes to standard error when an allocation fails and it gives up.
_OUT_OF_MEMORY_MARKS = ("bad_alloc", "Cannot allocate memory", "MemoryError")


@dataclass(frozen=True, slots=True)
class Death:
    """What its parent saw of it."""

    returncode: int
    """Negative: the signal that ended it."""
    cpu_used_up: bool = False
    """Whether it had used the CPU time after which the kernel kills it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended that said no last word."""

    death: Death
    stderr: str
    """The tail of its standard error."""


def judge(ending: Ending) -> SecretaryError:
    """The error a child's death without a last word amounts to.

    SIGKILL is nothing a document does to its reader. It is the kernel's at the hard limit of CPU
    time; else it came from outside, most likely because others used up the machine's memory (a
    child is the first to go, ``die_first``), and the job is tried again.
    """
    returncode = ending.death.returncode
    details = {"exit": _describe(returncode)}
    if returncode == -signal.SIGXCPU:
        return timed_out()
    if returncode == -signal.SIGKILL:
        if ending.death.cpu_used_up:
            return timed_out()
        message = "the parser was killed from outside, as happens when memory runs out"
        return TransientError(message, code=ErrorCode.PARSER_CRASHED, details=details)
    starved = any(mark in ending.stderr for mark in _OUT_OF_MEMORY_MARKS)
    if returncode == EXIT_OUT_OF_MEMORY or (returncode and starved):
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
