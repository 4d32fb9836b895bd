"""Sets limits on this process, locks it in the sandbox and replaces it by another program.

Called as ``python -m … LIMITS ACCESS PARENT PROGRAM ARGUMENT…``. LIMITS are ``ProcessLimits``, and
ACCESS is ``ProgramAccess``, as JSON.

Limits and sandbox survive the exec. The worker cannot set them itself between fork and exec: it has
threads, and Python code there may deadlock.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import NoReturn

from secretary_worker import (
    ProcessLimits,
    ProgramAccess,
    confine,
    die_first,
    die_with_parent,
    leave_network,
    replace_process,
)

NICENESS = 10
EXIT_NO_PROGRAM = 127  # the exit code of a shell if a program cannot be run

# Python ignores these signals, and an ignored signal stays ignored after an exec.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> NoReturn:
    """Set the limits, then replace this process by the program that the arguments name."""
    limits, terms, parent, program, *arguments = sys.argv[1:]
    access = ProgramAccess(**json.loads(terms))
    if access.proxy_port is None:
        leave_network()
    die_with_parent(int(parent))
    die_first()
    confine(ProcessLimits(**json.loads(limits)))
    os.nice(NICENESS)
    for ignored in _IGNORED_BY_PYTHON:
        signal.signal(ignored, signal.SIG_DFL)
    try:
        replace_process(program, arguments, access)
    except OSError as error:
        sys.stderr.write(f"{program}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(EXIT_NO_PROGRAM)


if __name__ == "__main__":
    main()
