"""The child's side of the sandbox: sets its limits, answers requests, dies with its parent.

The child sets its own limits before it reads the document. Its parent cannot: the worker has
threads, and Python code between fork and exec may deadlock.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from secretary_common.errors import SecretaryError

END = "end"
"""The key of the last message of an answer."""
EXIT_OUT_OF_MEMORY = 71
"""The exit code for a MemoryError: an exit needs no memory, but a message does."""

Emit = Callable[[dict[str, Any]], None]
Work = Callable[[dict[str, Any], Emit], None]
Begin = Callable[[Sequence[str]], Work]
"""The type of a child module's function ``begin``. It gets the paths of the files of the child and
returns the function that answers requests, one after the other."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
# From the soft limit, whose SIGXCPU shows what happened, to the hard one, which is SIGKILL.
_CPU_GRACE_SEC = 5


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """The limits that the kernel enforces on a child."""

    memory_bytes: int
    """Of its address space."""
    cpu_sec: int
    """CPU time of all its answers together."""
    file_bytes: int = 0
    """The largest file it may write; by default it may write none."""
    open_files: int = 64


def serve(begin: Begin, channel: socket.socket, files: Sequence[int]) -> NoReturn:
    """Answer the requests from *channel*, one JSON line each, until it closes; then exit.

    The first line holds the limits. The work sends messages through the function it is given. A
    ``SecretaryError`` from it reaches the parent with its code and message. Any other exception is
    a crash, with its traceback on standard error.
    """
    try:
        with channel.makefile("rb") as requests, channel.makefile("wb") as answers:
            confine(ProcessLimits(**json.loads(requests.readline())))
            work = begin([f"/dev/fd/{file}" for file in files])
            for line in requests:
                _answer(work, json.loads(line), answers)
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)
    except BaseException:  # noqa: BLE001 - exit code and standard error show it to the parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    # Skip the interpreter's shutdown: destructors of native code may crash or hang.
    os._exit(0)


def confine(limits: ProcessLimits) -> None:
    """Set *limits* on this process. They cannot be raised again."""
    for kind, soft, hard in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_sec, limits.cpu_sec + _CPU_GRACE_SEC),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:  # a limit cannot be raised
            soft, hard = min(soft, ceiling), min(hard, ceiling)  # noqa: PLW2901 - clamped
        resource.setrlimit(kind, (soft, hard))


def allow_cpu(seconds: float) -> None:
    """Limit the CPU time from now on to *seconds*, rounded up, within the limit of the child.

    SIGXCPU ends a child that uses more. Call it for each part of a document, so that one part
    cannot use up the time of all.
    """
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(cpu_used() + seconds) + 1
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, max(hard - _CPU_GRACE_SEC, 1))
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def cpu_used() -> float:
    """Return the CPU seconds that this process has used."""
    return time.process_time()


def die_with_parent(parent: int) -> None:
    """Make the kernel end this process when *parent* ends.

    More exactly: when the thread ends that started this process.
    """
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the signal was set
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_first() -> None:
    """Make the kernel kill this process first when memory runs out.

    A container may forbid the setting; then nothing changes.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _answer(work: Work, request: dict[str, Any], answers: BinaryIO) -> None:
    started = cpu_used()

    def emit(message: dict[str, Any]) -> None:
        # Lone surrogates are passed on: the parent's parser accepts them.
        text = json.dumps(message, ensure_ascii=False)
        answers.write(text.encode(errors="surrogatepass") + b"\n")
        answers.flush()

    end: dict[str, Any] = {}
    try:
        work(request, emit)
    except SecretaryError as error:
        end = {"code": error.code, "message": error.message}
    emit({END: {**end, "cpu_sec": round(cpu_used() - started, 4)}})
