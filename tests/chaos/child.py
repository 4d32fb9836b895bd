"""The child process of ``parsing`` jobs: it answers with its process id."""

from __future__ import annotations

import os
from collections.abc import Sequence

from secretary_worker import Emit, Work


def begin(_files: Sequence[str]) -> Work:
    """Return the function that answers requests."""

    def answer(_request: dict[str, object], emit: Emit) -> None:
        emit({"answer": os.getpid()})

    return answer
