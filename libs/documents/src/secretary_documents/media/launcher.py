"""Becomes another program, confined: ``python -m … LIMITS PARENT PROGRAM ARGUMENT…``.

Limits are set here, after the fork and before the program: the worker has threads, and Python code
between fork and exec may deadlock. All that is set here survives the exec.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import NoReturn

from secretary_worker import Limits, confine, die_first, die_with_parent

NICENESS = 10
EXIT_NO_PROGRAM = 127  # a shell's code for it

# Python ignores these, and what is ignored stays so through an exec.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> NoReturn:
    """Confine this process and turn into the program its arguments name."""
    limits, parent, program, *arguments = sys.argv[1:]
    die_with_parent(int(parent))
    die_first()
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


if __name__ == "__main__":
    main()
