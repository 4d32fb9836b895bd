"""What this worker tells of itself: with each heartbeat, and when what it runs has changed."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from secretary_common.errors import StoreUnavailable
from secretary_common.models import RunningJob, WorkerReport
from secretary_common.ports import WorkerRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

# Taken for dead after this many heartbeats without a word.
HEARTBEATS = 3
LOOK_SEC = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """What may change about a worker while it runs."""

    running: list[RunningJob]
    listening: bool


class Reporter:
    """Reports one worker while ``run`` runs, and takes the report back at the end."""

    def __init__(
        self,
        workers: WorkerRepository,
        clock: Clock,
        state: Callable[[], State],
        *,
        worker_id: str,
        job_types: list[str],
        slots: int,
        active: bool,
        heartbeat_sec: float,
    ) -> None:
        """*state*: how the worker is now."""
        self._workers = workers
        self._clock = clock
        self._state = state
        self._worker_id = worker_id
        self._heartbeat_sec = heartbeat_sec
        self._lasting: dict[str, Any] = {
            "worker_id": worker_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": clock.now(),
            "job_types": sorted(job_types),
            "slots": slots,
            "active": active,
        }

    async def run(self) -> None:
        """Report until cancelled."""
        told: State | None = None
        told_at = 0.0
        try:
            while True:
                state, now = self._state(), time.monotonic()
                if state != told or now - told_at >= self._heartbeat_sec:
                    told, told_at = (state if await self._tell(state) else None), now
                await asyncio.sleep(min(LOOK_SEC, self._heartbeat_sec))
        finally:
            await self._take_back()

    async def _tell(self, state: State) -> bool:
        now = self._clock.now()
        report = WorkerReport(
            **self._lasting,
            seen_at=now,
            alive_until=now + timedelta(seconds=HEARTBEATS * self._heartbeat_sec),
            running=state.running,
            listening=state.listening,
        )
        try:
            await self._workers.report(report)
        except StoreUnavailable:
            return False
        return True

    async def _take_back(self) -> None:
        try:
            await self._workers.forget(self._worker_id)
        except StoreUnavailable:
            log.info("worker.report_left", reason="MongoDB does not answer; the report will lapse")
