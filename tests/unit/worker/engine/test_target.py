"""A job with a target is completed only after its results and files are written there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from support.engine_harness import engine

from secretary_common.errors import PermanentError, StoreUnavailable, TransientError
from secretary_common.models import Job, JobFile, JobProgress, JobStatus
from secretary_worker import Handler, ResourceCalculator, SecretaryJobRepository
from secretary_worker.attempt.commands import Results

TARGET = "s3://results/out/"
Act = Callable[[], Awaitable[None]]


async def succeed() -> None:
    """Write everything."""


@dataclass
class Target:
    """Records what is written, and behaves as the test says."""

    acts: list[Act] = field(default_factory=list)
    """One for each call; after them all calls succeed."""
    written: list[tuple[int, object, list[str]]] = field(default_factory=list)
    cancelled: int = 0

    async def __call__(self, job: Job, results: Results | None, files: Sequence[JobFile]) -> None:
        act = self.acts.pop(0) if self.acts else succeed
        try:
            await act()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        content = b"".join([piece async for piece in results.pieces()]) if results else b"null"
        self.written.append((job.attempt, json.loads(content), [file.name for file in files]))


def failing(error: Exception) -> Act:
    async def act() -> None:
        raise error

    return act


async def awaiting(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
    await repo.add_file(job.job_id, "a.txt", b"content")
    repo.update_job_results(job.job_id, {"text": "done"})
    await repo.update_job_status(job.job_id, JobStatus.COMPLETED)


async def returning(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
    await repo.add_file(job.job_id, "a.txt", b"content")
    repo.update_job_results(job.job_id, {"text": "done"})


async def ignoring(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
    await returning(job, repo, _)
    repo.update_job_status(job.job_id, JobStatus.COMPLETED)


HANDLERS = pytest.mark.parametrize("handler", [awaiting, returning, ignoring])


@HANDLERS
async def test_results_and_files_are_written_before_the_job_is_completed(handler: Handler) -> None:
    target = Target()
    async with engine(handler, write_to_target=target) as worker:
        job = await worker.ended(await worker.submit(target=TARGET))
        plain = await worker.ended(await worker.submit())
    assert (job.status, plain.status) == (JobStatus.COMPLETED, JobStatus.COMPLETED)
    assert target.written == [(1, {"text": "done"}, ["a.txt"])]


@HANDLERS
async def test_a_target_that_refuses_fails_the_job_with_its_code(handler: Handler) -> None:
    refused = PermanentError("no", code="S3_ACCESS_DENIED")
    target = Target([failing(refused), failing(refused)])
    async with engine(handler, write_to_target=target) as worker:
        job = await worker.ended(await worker.submit(target=TARGET))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "S3_ACCESS_DENIED"
    assert job.results is None


@HANDLERS
async def test_a_target_that_does_not_answer_is_written_by_the_next_attempt(
    handler: Handler,
) -> None:
    away = TransientError("away", code="S3_UNAVAILABLE", retry_after=0.01)
    # The second settlement of an attempt, after the handler has ignored the first, writes again.
    target = Target([failing(away), *([failing(away)] if handler == ignoring else [])])
    async with engine(handler, write_to_target=target) as worker:
        job = await worker.ended(await worker.submit(target=TARGET))
    assert job.status is JobStatus.COMPLETED
    assert [attempt for attempt, *_ in target.written] == [2]


@HANDLERS
async def test_a_job_that_is_cancelled_meanwhile_stops_writing(handler: Handler) -> None:
    begun = asyncio.Event()

    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    target = Target([endless])
    async with engine(handler, write_to_target=target) as worker:
        job_id = await worker.submit(target=TARGET)
        await begun.wait()
        worker.jobs.jobs[job_id] = worker.jobs.jobs[job_id].model_copy(
            update={"cancel_requested": True}
        )
        job = await worker.ended(job_id)
    assert job.status is JobStatus.CANCELLED
    assert target.cancelled >= 1
    assert target.written == []


async def test_an_attempt_survives_that_mongodb_does_not_answer_while_the_target_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_worker.attempt.writer.STORE_RETRY_SEC", 0.0)
    target = Target([failing(StoreUnavailable())])
    async with engine(returning, write_to_target=target) as worker:
        job = await worker.ended(await worker.submit(target=TARGET, max_attempts=1))
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)


class Late:
    """Reports once more after its handler has returned, while the target is written."""

    def __init__(self, results: dict[str, str]) -> None:
        self.results = results
        self.repos: list[tuple[str, SecretaryJobRepository]] = []

    async def handler(self, job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        repo.update_job_results(job.job_id, self.results)
        self.repos.append((job.job_id, repo))

    async def report(self) -> None:
        job_id, repo = self.repos[0]
        repo.update_job_results(job_id, {"late": "x" * 400_000})
        self.progress = asyncio.ensure_future(self._await(repo, job_id))
        await asyncio.sleep(0.05)

    async def _await(self, repo: SecretaryJobRepository, job_id: str) -> None:
        await repo.update_job_progress(job_id, JobProgress(step="late", percent=1))


@pytest.mark.parametrize("size", [4, 300_000])
async def test_a_report_after_the_handler_has_returned_changes_nothing_and_never_waits(
    size: int,
) -> None:
    late = Late({"text": "x" * size})
    async with engine(late.handler, write_to_target=Target([late.report])) as worker:
        job = await worker.ended(await worker.submit(target=TARGET))
        async with asyncio.timeout(5):
            await late.progress
    assert job.status is JobStatus.COMPLETED
    assert (job.results is None) == (job.results_file is not None)


async def test_the_line_about_a_refused_target_stands_beside_the_one_about_dropped_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secretary_worker.attempt.log_writer.MAX_ENTRIES", 1)

    async def handler(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        for n in range(3):
            repo.add_log_entry(job.job_id, "info", f"line {n}")

    target = Target([failing(PermanentError("no", code="S3_ACCESS_DENIED"))])
    async with engine(handler, write_to_target=target) as worker:
        job = await worker.ended(await worker.submit(target=TARGET))
    assert job.status is JobStatus.FAILED
    messages = [entry.message for _, entry in sorted(worker.logs.entries.items())]
    assert messages == [
        "line 0",
        "2 more log entries were dropped.",
        "Attempt 1 failed with S3_ACCESS_DENIED: no",
    ]
