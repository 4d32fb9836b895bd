"""The log of one attempt: written in batches, bounded in what it keeps and in what waits."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime
from itertools import islice

from secretary_common.models import Job, LogEntry
from secretary_common.ports import LogRepository
from secretary_common.runtime.clock import Clock
from secretary_worker.attempt.commands import LogLine

MAX_ENTRIES = 100_000
"""What an attempt keeps; one more entry tells how many were dropped."""
MAX_WAITING_CHARACTERS = 32 * 1024 * 1024
"""Of text not yet written: a handler that is faster than the store loses lines, not its worker."""
BATCH_ENTRIES = 1000
BATCH_CHARACTERS = 4 * 1024 * 1024


class AttemptLog:
    """Takes the log lines of one attempt and writes them in order."""

    def __init__(self, job: Job, logs: LogRepository, clock: Clock) -> None:
        self._job = job
        self._logs = logs
        self._clock = clock
        self._lock = threading.Lock()
        self._admitted = 0
        self._dropped = 0
        self._waiting_characters = 0
        self._written = 0
        self._lines: deque[tuple[datetime, LogLine]] = deque()

    def admits(self, line: LogLine) -> bool:
        """Whether *line* is kept; to be asked for each line once, from any thread."""
        with self._lock:
            full = (
                self._admitted >= MAX_ENTRIES or self._waiting_characters >= MAX_WAITING_CHARACTERS
            )
            if full:
                self._dropped += 1
            else:
                self._admitted += 1
                self._waiting_characters += len(line.message)
        return not full

    def add(self, line: LogLine) -> None:
        """Take over a line that was admitted."""
        self._lines.append((self._clock.now(), line))

    async def flush(self, batches: int | None = None) -> bool:
        """Write what has come, *batches* of it at most; whether that was all.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        while self._lines and batches != 0:
            batch = self._next_batch()
            await self._logs.append(self._job.job_id, batch)
            self._written += len(batch)
            for _ in batch:
                self._lines.popleft()
            with self._lock:
                self._waiting_characters -= sum(len(entry.message) for entry in batch)
            batches = batches and batches - 1
        return not self._lines

    async def close(self) -> None:
        """Write all that is left, and how much was dropped, if any was."""
        await self.flush()
        if self._dropped:
            line = LogLine("warning", f"{self._dropped} more log entries were dropped.")
            await self._logs.append(self._job.job_id, [self._entry(0, self._clock.now(), line)])

    def _next_batch(self) -> list[LogEntry]:
        batch, size = list[LogEntry](), 0
        for place, (at, line) in enumerate(islice(self._lines, BATCH_ENTRIES)):
            batch.append(self._entry(place, at, line))
            size += len(line.message)
            if size >= BATCH_CHARACTERS:
                break
        return batch

    def _entry(self, place: int, at: datetime, line: LogLine) -> LogEntry:
        """The entry of *line*, the one at *place* among those not yet written."""
        return LogEntry(
            timestamp=at,
            level=line.level,
            message=line.message,
            attempt=self._job.attempt,
            seq=self._written + place,
        )
