"""The overview of an API key: its waiting, running and ended jobs, and the workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from secretary_api.access.keyring import Keyring
from secretary_api.access.principal import Principal
from secretary_api.jobs.queries import JobQueries
from secretary_api.overview.history import History, RecentHistory
from secretary_api.overview.remembered import Remembered
from secretary_api.schemas.delivery import ReceiverView
from secretary_api.schemas.job import JobSummary
from secretary_api.schemas.overview import HistoryView, KeyBacklog, Overview, TypeOverview
from secretary_api.schemas.worker import DeliveryStats
from secretary_api.webhooks.deliveries import Deliveries
from secretary_api.webhooks.delivery_view import receiver_of
from secretary_api.workers import count_by_type, worker_of
from secretary_common.models import (
    NOTIFIER_ALIVE_SEC,
    JobTypeInfo,
    TypeStatistic,
    WorkerReport,
)
from secretary_common.ports import Doorbell, JobRepository, NotifierRepository, WorkerRepository
from secretary_common.runtime.clock import Clock

COUNTED_EVERY_SEC = 2.0
BACKLOGS_EVERY_SEC = 10.0
MOST_RUNNING_SHOWN = 10
MOST_RUNNING_READ = 500
MOST_KEYS = 5


@dataclass(frozen=True, slots=True)
class Counts:
    """What takes long to count, of one key or of all keys."""

    counted_at: datetime
    types: dict[str, TypeStatistic]
    deliveries: dict[str, int]


class Overviews:
    """Makes the overviews; everything that costs time is shared by requests for a few seconds."""

    def __init__(
        self,
        *,
        jobs: JobRepository,
        queries: JobQueries,
        workers: WorkerRepository,
        deliveries: Deliveries,
        notifiers: NotifierRepository,
        doorbell: Doorbell,
        keyring: Keyring,
        clock: Clock,
        retention: timedelta,
    ) -> None:
        self._jobs = jobs
        self._queries = queries
        self._workers = workers
        self._deliveries = deliveries
        self._notifiers = notifiers
        self._doorbell = doorbell
        self._keyring = keyring
        self._clock = clock
        self._history = RecentHistory(jobs, clock, retention)
        self._answers: Remembered[Principal, bytes] = Remembered(
            self._answer, least_sec=COUNTED_EVERY_SEC
        )
        self._counts: Remembered[Principal, Counts] = Remembered(
            self._counted, least_sec=COUNTED_EVERY_SEC
        )
        self._backlogs: Remembered[None, list[KeyBacklog]] = Remembered(
            self._backlog, least_sec=BACKLOGS_EVERY_SEC
        )

    async def json_of(self, principal: Principal) -> bytes:
        """Return the ``Overview`` of *principal* as JSON, a few seconds old.

        Raises:
            StoreUnavailable: MongoDB has not answered for a minute.
        """
        return await self._answers.get(_shared(principal))

    async def counts(self, principal: Principal) -> Counts:
        """Count the work of *principal*, or return a count of a moment ago.

        A count serves for twenty times as long as it took: 0.2 s with few waiting jobs.

        Raises:
            StoreUnavailable: MongoDB does not answer.
        """
        return await self._counts.recent(_shared(principal))

    async def _answer(self, principal: Principal) -> bytes:
        now = self._clock.now()
        counts, history, reports, receivers, is_alive, infos = await asyncio.gather(
            self._counts.get(principal),
            self._history.of(principal.owner_filter),
            self._workers.alive(now),
            self._receivers(principal),
            self._notifiers.any_alive(now - timedelta(seconds=NOTIFIER_ALIVE_SEC)),
            self._queries.job_types.all(),
        )
        return (
            Overview(
                counted_at=now,
                types=_types_of(counts.types, history, reports, infos),
                history=HistoryView.model_validate(history),
                deliveries=DeliveryStats.model_validate(counts.deliveries),
                receivers=receivers,
                notifiers=is_alive,
                broker=self._broker(),
                workers=[worker_of(report, principal) for report in reports],
                running=await self._longest_unchanged(reports, principal),
                waiting_by_key=await self._backlogs.get(None) if principal.is_admin else None,
            )
            .model_dump_json()
            .encode()
        )

    async def _counted(self, principal: Principal) -> Counts:
        counted_at = self._clock.now()
        types, deliveries = await asyncio.gather(
            self._queries.statistics(principal), self._queries.delivery_counts(principal)
        )
        return Counts(counted_at, types, deliveries)

    async def _receivers(self, principal: Principal) -> list[ReceiverView]:
        now = self._clock.now()
        return [receiver_of(one, now) for one in await self._deliveries.receivers(principal)]

    async def _longest_unchanged(
        self, reports: Sequence[WorkerReport], principal: Principal
    ) -> list[JobSummary]:
        mine = [
            job.job_id
            for report in reports
            for job in report.running
            if principal.may_see(job.owner)
        ][:MOST_RUNNING_READ]
        found = await self._jobs.summaries(mine) if mine else []
        running = [job for job in found if not job.has_ended]
        running.sort(key=lambda job: (job.updated_at, job.job_id))
        return [JobSummary.model_validate(job) for job in running[:MOST_RUNNING_SHOWN]]

    async def _backlog(self, _: None) -> list[KeyBacklog]:
        pending, keys = await asyncio.gather(self._jobs.pending_by_owner(), self._keyring.all())
        known = {key.key_id: key for key in keys}
        waiting = [
            KeyBacklog(
                key_id=owner,
                name=known[owner].name if owner in known else None,
                waiting=number,
                most=known[owner].limits.max_pending if owner in known else None,
            )
            for owner, number in Counter(pending).most_common()
        ]
        full = [one for one in waiting[MOST_KEYS:] if one.is_full]
        return waiting[:MOST_KEYS] + full[:MOST_KEYS]

    def _broker(self) -> Literal["connected", "disconnected", "none"]:
        is_connected = self._doorbell.is_connected
        if is_connected is None:
            return "none"
        return "connected" if is_connected else "disconnected"


def _shared(principal: Principal) -> Principal:
    """Return what stands for *principal* in remembered answers: all admins see the same."""
    return Principal("" if principal.is_admin else principal.key_id, is_admin=principal.is_admin)


def _types_of(
    counts: dict[str, TypeStatistic],
    history: History,
    reports: Sequence[WorkerReport],
    infos: Sequence[JobTypeInfo],
) -> dict[str, TypeOverview]:
    workers = count_by_type(reports)
    paused = {info.job_type for info in infos if info.paused}
    return {
        name: TypeOverview(
            waiting=counted.waiting,
            scheduled=counted.scheduled,
            running=counted.running,
            oldest_wait_sec=counted.oldest_wait_sec,
            completed=ended["completed"],
            failed=ended["failed"],
            cancelled=ended["cancelled"],
            workers=workers[name],
            paused=name in paused,
        )
        for name, counted in counts.items()
        for ended in [history.by_type.get(name, Counter[str]())]
    }
