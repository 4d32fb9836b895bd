"""A handler that logs very much harms neither its job nor its worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from support.engine_harness import engine

from secretary_common.models import Job, JobStatus, LogEntry
from secretary_common.testing.jobs import InMemoryLogRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.attempt import log_writer


class Batches(InMemoryLogRepository):
    """Records the batches of entries."""

    def __init__(self, pause_sec: float = 0.0, not_before: threading.Event | None = None) -> None:
        super().__init__()
        self.pause_sec = pause_sec
        self.not_before = not_before
        self.sizes: list[int] = []
        self.characters: list[int] = []

    async def append(self, job_id: str, entries: Sequence[LogEntry]) -> None:
        await asyncio.sleep(self.pause_sec)
        if self.not_before:
            await asyncio.to_thread(self.not_before.wait, 60)
        self.sizes.append(len(entries))
        self.characters.append(sum(len(entry.message) for entry in entries))
        await super().append(job_id, entries)

    def of(self, job_id: str) -> list[LogEntry]:
        return [entry for (owner, *_), entry in sorted(self.entries.items()) if owner == job_id]


async def test_a_hundred_thousand_lines_are_kept_in_order_while_other_jobs_go_on() -> None:
    flooding = asyncio.Event()

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        if job.parameters:
            for n in range(100_000):
                repo.add_log_entry(job.job_id, "info", f"line {n}")
            loop.call_soon_threadsafe(flooding.set)

    loop, logs = asyncio.get_running_loop(), Batches(pause_sec=0.02)
    async with engine(handler, logs=logs) as worker:
        flood = await worker.submit(parameters={"flood": True})
        await flooding.wait()
        other = await worker.ended(await worker.submit())
        assert worker.jobs.jobs[flood].status is JobStatus.PROCESSING  # still writing lines
        job = await worker.ended(flood)
    assert (other.status, job.status, job.attempt) == (JobStatus.COMPLETED, JobStatus.COMPLETED, 1)
    entries = logs.of(flood)
    assert [entry.message for entry in entries] == [f"line {n}" for n in range(100_000)]
    assert max(logs.sizes) <= log_writer.BATCH_ENTRIES


async def test_lines_over_the_limit_are_dropped_and_one_entry_counts_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_writer, "MAX_ENTRIES", 3 * log_writer.BATCH_ENTRIES)

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        for n in range(log_writer.MAX_ENTRIES + 500):
            repo.add_log_entry(job.job_id, "info", f"line {n}")

    logs = Batches()
    async with engine(handler, logs=logs) as worker:
        job = await worker.ended(await worker.submit())
    entries = logs.of(job.job_id)
    assert job.status is JobStatus.COMPLETED
    assert len(entries) == log_writer.MAX_ENTRIES + 1
    assert entries[-2].message == f"line {log_writer.MAX_ENTRIES - 1}"
    assert (entries[-1].level, entries[-1].message) == (
        "warning",
        "500 more log entries were dropped.",
    )


async def test_large_lines_are_dropped_if_they_come_faster_than_they_are_written() -> None:
    line = "x" * 60_000
    flooded = threading.Event()

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        for _n in range(2000):  # 120 MB
            repo.add_log_entry(job.job_id, "info", line)
        flooded.set()
        await repo.add_log_entry(job.job_id, "info", "the writer has caught up")
        await repo.add_log_entry(job.job_id, "info", "small again")

    logs = Batches(not_before=flooded)
    async with engine(handler, logs=logs) as worker:
        job = await worker.ended(await worker.submit())
    kept = logs.of(job.job_id)
    assert job.status is JobStatus.COMPLETED
    assert max(logs.characters) <= log_writer.BATCH_CHARACTERS + len(line)
    assert 500 < len(kept) < 2000
    assert kept[-1].message.endswith("more log entries were dropped.")
    assert kept[-2].message == "small again"


async def test_an_awaited_line_is_durable_when_the_await_returns() -> None:
    seen: list[str] = []

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.add_log_entry(job.job_id, "info", "first")
        await repo.add_log_entry(job.job_id, "info", "second")
        seen.extend(entry.message for entry in worker.logs.entries.values())

    async with engine(handler) as worker:
        await worker.ended(await worker.submit())
    assert seen == ["first", "second"]
