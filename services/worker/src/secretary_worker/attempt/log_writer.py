"""Writes the log of one attempt in batches, with limits for its lines and for waiting text."""

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
"""The most entries of an attempt. One more entry says how many lines were dropped."""
MAX_WAITING_CHARACTERS = 32 * 1024 * 1024
"""If more text than this waits to be written, new lines are dropped. So a handler that is faster
than the store does not use up the worker's memory."""
BATCH_ENTRIES = 1000
BATCH_CHARACTERS = 4 * 1024 * 1024


class LogWriter:
    """Queues the log lines of one attempt and writes them in order."""

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

    def admit(self, line: LogLine) -> bool:
        """Count *line* and return whether to keep it. Call this once for each line. Thread-safe."""
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
        """Queue *line*, which was admitted."""
        self._lines.append((self._clock.now(), line))

    def add_own(self, line: LogLine) -> None:
        """Queue a line of the worker itself; the limits of the handler's lines do not count."""
        with self._lock:
            self._waiting_characters += len(line.message)
        self.add(line)

    async def flush(self, batches: int | None = None) -> bool:
        """Write queued lines and return whether all are written.

        *batches* limits the number of writes; None is no limit.

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
        """Write all queued lines. If lines were dropped, add an entry with their number.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        await self.flush()
        if dropped := self._dropped:
            line = LogLine("warning", f"{dropped} more log entries were dropped.")
            await self._logs.append(self._job.job_id, [self._entry(0, self._clock.now(), line)])
            self._written += 1  # an attempt that is settled again has more lines
            with self._lock:
                self._dropped -= dropped

    def _next_batch(self) -> list[LogEntry]:
        batch, size = list[LogEntry](), 0
        for place, (at, line) in enumerate(islice(self._lines, BATCH_ENTRIES)):
            batch.append(self._entry(place, at, line))
            size += len(line.message)
            if size >= BATCH_CHARACTERS:
                break
        return batch

    def _entry(self, place: int, at: datetime, line: LogLine) -> LogEntry:
        """Return the entry of *line*; *place* is the number of unwritten lines before it."""
        return LogEntry(
            timestamp=at,
            level=line.level,
            message=line.message,
            attempt=self._job.attempt,
            seq=self._written + place,
        )
