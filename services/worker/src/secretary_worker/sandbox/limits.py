"""The child's side of the sandbox: sets its limits, answers requests, dies with its parent.

The child sets its own limits before it reads the document. The worker cannot set them, because the
worker has threads, and Python code between fork and exec may then deadlock.
"""

from __future__ import annotations

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
from secretary_common.secrets.hidden_process import hide, show
from secretary_worker.sandbox import lockdown
from secretary_worker.sandbox.kernel import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl

END = "end"
"""The key of the last message of an answer."""
EXIT_OUT_OF_MEMORY = 71
"""The exit code after a MemoryError. An exit code needs no memory, but a message needs some."""

Emit = Callable[[dict[str, Any]], None]
Work = Callable[[dict[str, Any], Emit], None]
Begin = Callable[[Sequence[str]], Work]
"""The type of the function ``begin`` in a module for children. ``begin`` gets the paths of the
child's files and returns the function that answers requests, one after the other."""

# The time from the soft limit, where SIGXCPU shows the cause, to the hard limit, which is SIGKILL.
_CPU_GRACE_SEC = 5


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """The limits that the kernel enforces on a child."""

    memory_bytes: int
    """The size of the address space, in bytes."""
    cpu_sec: int
    """The CPU time of all answers together, in seconds."""
    file_bytes: int = 0
    """The largest file that the child may write, in bytes. By default it may write no file."""
    open_files: int = 64
    processes: int = 4096
    """The number of processes and threads of this user at which the child may start no more."""
    readable: Sequence[str] = ()
    """Files and folders that the child may read, besides its own files, fonts and Python code."""


def serve(begin: Begin, channel: socket.socket, files: Sequence[int]) -> NoReturn:
    """Answer the requests from *channel*, one JSON line each, until the channel closes; then exit.

    The first line holds the limits. ``begin`` returns the function that answers requests. If that
    function raises a ``SecretaryError``, the parent gets the error's code and message. Any other
    exception ends the child, with the traceback on standard error.
    """
    try:
        with channel.makefile("rb") as requests, channel.makefile("wb") as answers:
            limits = ProcessLimits(**json.loads(requests.readline()))
            confine(limits)
            lockdown.lock_parser(files, limits.readable)
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
    """Set *limits* on this process. The process cannot raise the hard limits again."""
    for kind, soft, hard in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_sec, limits.cpu_sec + _CPU_GRACE_SEC),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_NPROC, limits.processes, limits.processes),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:  # a limit cannot be raised
            soft, hard = min(soft, ceiling), min(hard, ceiling)  # noqa: PLW2901 - clamped
        resource.setrlimit(kind, (soft, hard))


def allow_cpu(seconds: float) -> None:
    """Limit the CPU time from now on to *seconds*, rounded up, within the limit of the child.

    SIGXCPU ends a child that uses more. Call this before each part of a document, so that one part
    cannot use up the CPU time of all parts.
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

    The kernel acts as soon as the thread that started this process ends.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the signal was set
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def die_first() -> None:
    """Make the kernel kill this process first when memory runs out.

    If a container forbids the setting, nothing changes.
    """
    show()  # the setting of a hidden process belongs to root
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    hide()


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
