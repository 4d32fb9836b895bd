"""The waiting jobs that this version leaves to a newer version: they are no candidates."""

from __future__ import annotations

import time
from collections.abc import Callable

from secretary_common.mongo.driver.collection import Document

LEFT_SEC = 30.0
"""After this time a job may be a candidate again, because the newer version may have run it."""
MOST = 1000


class LeftAlone:
    """The jobs that this process leaves alone for ``LEFT_SEC``.

    The indexes behind the candidates do not hold the words of a newer version, so only a claim
    finds such a word. Without this list the same job would be the next candidate again.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """*monotonic* returns seconds that never decrease."""
        self._monotonic = monotonic
        self._until: dict[object, float] = {}

    def add(self, job_id: object) -> None:
        """Leave a job alone."""
        if len(self._until) < MOST:
            self._until[job_id] = self._monotonic() + LEFT_SEC

    def others(self) -> Document:
        """Match all other jobs."""
        if not self._until:
            return {}
        now = self._monotonic()
        self._until = {job_id: until for job_id, until in self._until.items() if until > now}
        return {"_id": {"$nin": list(self._until)}} if self._until else {}
