"""Becomes another program, confined: ``python -m … LIMITS PARENT PROGRAM ARGUMENT…``.

Limits are set here, after the fork and before the program: the worker has threads, and Python code
between fork and exec may deadlock. All that is set here survives the exec.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from secretary_worker.confinement import Limits, confine

NICENESS = 10
EXIT_NO_PROGRAM = 127  # a shell's code for it

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
# Python ignores these, and what is ignored stays so through an exec.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> NoReturn:
    """Confine this process and turn into the program its arguments name."""
    limits, parent, program, *arguments = sys.argv[1:]
    _die_with(int(parent))
    confine(Limits(**json.loads(limits)))
    os.nice(NICENESS)
    for ignored in _IGNORED_BY_PYTHON:
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execv(program, [program, *arguments])  # noqa: S606 - no shell; the caller vetted it
    except OSError as error:
        sys.stderr.write(f"{program}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(EXIT_NO_PROGRAM)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it died before the signal was set, which would then never come
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # The first to go when memory runs out; a sandbox around this one may forbid to say so.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main()
