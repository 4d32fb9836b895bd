"""The child's half of the sandbox: confine yourself, answer one request, die with your parent.

Limits are set by the child before it touches the document, not between fork and exec: the worker
has threads, and Python code between the two may deadlock.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from secretary_common.errors import SecretaryError

END = "end"
"""The key of the child's last message."""
EXIT_OUT_OF_MEMORY = 71
"""The exit code for a MemoryError: an exit needs no memory, a message does."""

PARENT_PID = "PARENT_PID"
"""The variable that names the process this one must not outlive."""

Emit = Callable[[dict[str, Any]], None]
Work = Callable[[dict[str, Any], Emit], None]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
# Between the soft limit, whose SIGXCPU tells what happened, and the hard one, which is SIGKILL.
_CPU_GRACE_SEC = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What the kernel holds the child to."""

    memory_bytes: int
    """Address space."""
    cpu_sec: int
    file_bytes: int = 0
    """The size of any file it writes; none by default."""
    open_files: int = 64


def serve(work: Work) -> NoReturn:
    """Read one request from standard input, let *work* answer it, exit.

    *work* sends messages through the function it is given; a ``SecretaryError`` it raises reaches
    the parent with its code. Any other exception is a crash, its traceback on standard error.
    """
    channel = _take_stdout()
    _die_with_parent()
    envelope = json.load(sys.stdin)
    if os.getppid() != envelope["parent"]:  # it died before it could take this one along
        os._exit(1)
    try:
        confine(Limits(**envelope["limits"]))
        _answer(work, envelope["request"], channel)
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)
    except BaseException:  # noqa: BLE001 - told to the parent by exit code and standard error
        traceback.print_exc()
        os._exit(1)
    # Not through the interpreter's end: destructors of native code may still crash or hang.
    os._exit(0)


def confine(limits: Limits) -> None:
    """Put *limits* on this process; there is no way back."""
    for kind, soft, hard in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_sec, limits.cpu_sec + _CPU_GRACE_SEC),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:  # never asks for more than it was left
            soft, hard = min(soft, ceiling), min(hard, ceiling)  # noqa: PLW2901 - clamped
        resource.setrlimit(kind, (soft, hard))


def _answer(work: Work, request: dict[str, Any], channel: BinaryIO) -> None:
    def emit(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message).encode() + b"\n")
        channel.flush()

    try:
        work(request, emit)
    except SecretaryError as error:
        emit({END: {"code": error.code, "message": error.message}})
    else:
        emit({END: {"cpu_sec": round(sum(os.times()[:2]), 3)}})


def _take_stdout() -> BinaryIO:
    """Standard output for messages alone; what native code prints there goes to standard error."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return channel


def _die_with_parent() -> None:
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.environ.get(PARENT_PID, "") != str(os.getppid()):
            os._exit(1)  # it died before the signal was set, which would then never come
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # The first to go when memory runs out; a sandbox of its own may forbid to say so.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
