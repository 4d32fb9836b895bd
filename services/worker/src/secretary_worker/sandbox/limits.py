"""The child's half of the sandbox: confine yourself, answer requests, die with your parent.

Limits are set by the child before it touches the document, not by whoever started it: the worker
has threads, and Python code between fork and exec may deadlock.
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
"""The exit code for a MemoryError: an exit needs no memory, a message does."""

Emit = Callable[[dict[str, Any]], None]
Work = Callable[[dict[str, Any], Emit], None]
Begin = Callable[[Sequence[str]], Work]
"""What a child's module calls ``begin``: given the paths of the files it was handed, what answers
its requests, one after the other."""

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


def serve(begin: Begin, channel: socket.socket, files: Sequence[int]) -> NoReturn:
    """Answer what comes through *channel*, a JSON line each, until it ends; then exit.

    The first line has the limits. The work sends messages through the function it is given; a
    ``SecretaryError`` it raises reaches the parent with its code. Any other exception is a crash,
    its traceback on standard error.
    """
    try:
        with channel.makefile("rb") as requests, channel.makefile("wb") as answers:
            confine(Limits(**json.loads(requests.readline())))
            work = begin([f"/dev/fd/{file}" for file in files])
            for line in requests:
                _answer(work, json.loads(line), answers)
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)
    except BaseException:  # noqa: BLE001 - told to the parent by exit code and standard error
        traceback.print_exc()
        sys.stderr.flush()
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


def allow_cpu(seconds: float) -> None:
    """From now on *seconds* of CPU time (whole ones, rounded up), within the limit of the child.

    What takes longer is ended by SIGXCPU: for pages, of which one must not use up what is meant
    for all.
    """
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(cpu_used() + seconds) + 1
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, max(hard - _CPU_GRACE_SEC, 1))
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def cpu_used() -> float:
    """The CPU seconds this process has used."""
    return time.process_time()


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when *parent*, the thread that started it, ends."""
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it died before the signal was set, which would then never come
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_first() -> None:
    """Be the first to go when memory runs out; a sandbox around this one may forbid to say so."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _answer(work: Work, request: dict[str, Any], answers: BinaryIO) -> None:
    started = cpu_used()

    def emit(message: dict[str, Any]) -> None:
        # Lone surrogates pass: the parent's parser takes them the same way.
        text = json.dumps(message, ensure_ascii=False)
        answers.write(text.encode(errors="surrogatepass") + b"\n")
        answers.flush()

    end: dict[str, Any] = {}
    try:
        work(request, emit)
    except SecretaryError as error:
        end = {"code": error.code, "message": error.message}
    emit({END: {**end, "cpu_sec": round(cpu_used() - started, 4)}})
