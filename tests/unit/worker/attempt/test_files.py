"""Attempts store large results, awaited results and files outside of their job."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import json
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path, PosixPath
from typing import Any

import pytest
from support.engine_harness import MAX_FILE_BYTES, Engine, engine

from secretary_common.errors import ErrorCode, PermanentError, StoreUnavailable, TransientError
from secretary_common.jobs.storable import MAX_TEXT_BYTES
from secretary_common.models import (
    FileInfo,
    FileKind,
    Job,
    JobError,
    JobProgress,
    JobStatus,
    StoredFile,
)
from secretary_common.models.file import INLINE_RESULTS_BYTES
from secretary_common.testing.files import InMemoryFileRepository
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.attempt.commands import Results

LARGE = {"text": "x" * INLINE_RESULTS_BYTES, "at": datetime(2026, 1, 1, 12, tzinfo=UTC)}
Work = Callable[[Job, SecretaryJobRepository], Coroutine[Any, Any, None]]


def handler(work: Work) -> Any:
    """Return a handler that does *work*."""

    async def handle(job: Job, repo: SecretaryJobRepository, _: ResourceCalculator) -> None:
        await work(job, repo)

    return handle


def content(worker: Engine, file_id: str) -> bytes:
    return worker.files.whole[file_id][1]


async def test_results_over_256_kib_are_in_a_file_that_the_settlement_names() -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        repo.update_job_results(job.job_id, LARGE)

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        assert job.results_file is not None
        stored, found = worker.files.whole[job.results_file.file_id]
    assert (job.status, job.results) == (JobStatus.COMPLETED, None)
    assert json.loads(found) == {**LARGE, "at": "2026-01-01T12:00:00Z"}
    assert job.results_file.size == len(found)
    assert (stored.kind, stored.job_id, stored.attempt) == (FileKind.RESULT, job.job_id, 1)


async def test_small_results_that_are_not_awaited_need_no_write_of_their_own() -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        repo.update_job_results(job.job_id, {"n": 1})

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        assert worker.files.begun == {}
    assert (job.results, job.results_file) == ({"n": 1}, None)


@pytest.mark.parametrize("results", [{"n": 1}, {"text": "x" * INLINE_RESULTS_BYTES}])
async def test_awaited_results_are_durable_when_the_await_returns(results: dict[str, Any]) -> None:
    seen: list[Any] = []

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.update_job_results(job.job_id, results)
        (stored,) = worker.files.whole.values()
        stands = worker.jobs.jobs[job.job_id]
        seen.append((json.loads(stored[1]), stands.results, stands.results_file))

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        assert len(worker.files.whole) == 1  # stored once
    assert seen == [(results, None, None)]
    assert job.results == results or job.results_file is not None


async def test_the_last_results_count_and_one_file_is_left() -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        for n in range(3):
            await repo.update_job_results(job.job_id, {**LARGE, "n": n})
        repo.update_job_results(job.job_id, {**LARGE, "n": 3})

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        assert job.results_file is not None
        assert json.loads(content(worker, job.results_file.file_id))["n"] == 3
        assert len(worker.files.whole) == 1


async def test_the_job_never_gets_results_of_a_failed_attempt() -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.update_job_results(job.job_id, {**LARGE, "attempt": job.attempt})
        await repo.add_file(job.job_id, f"{job.attempt}.txt", b"x")
        if job.attempt == 1:
            raise TransientError("again", retry_after=0.01)
        if job.attempt == 2:
            raise PermanentError("enough")

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.results, job.results_file) == (JobStatus.FAILED, None, None)
    assert [file.name for file in job.files] == ["2.txt"]


@pytest.mark.parametrize("error", [None, PermanentError("no")])
async def test_results_are_freed_with_their_attempt_without_the_garbage_collector(
    error: PermanentError | None,
) -> None:
    made = list[weakref.ref[Results]]()

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        repo.update_job_results(job.job_id, LARGE)
        await asyncio.sleep(0.05)
        if error:
            raise error

    class Remembered(Results):
        def __init__(self, value: dict[str, Any]) -> None:
            super().__init__(value)
            made.append(weakref.ref(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secretary_worker.attempt.repository.Results", Remembered)
        gc.disable()
        try:
            async with engine(handler(work)) as worker:
                job = await worker.ended(await worker.submit())
                await worker.until(job.job_id, lambda _: not worker.manager.running)
                assert [one() for one in made] == [None]
        finally:
            gc.enable()


async def test_large_results_are_stored_after_an_outage() -> None:
    class Away(InMemoryFileRepository):
        answers = 2

        async def save(
            self, content: AsyncIterable[bytes], info: FileInfo, *, max_bytes: int | None = None
        ) -> StoredFile:
            self.answers -= 1
            if self.answers > 0:
                raise StoreUnavailable
            return await super().save(content, info, max_bytes=max_bytes)

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        repo.update_job_results(job.job_id, LARGE)

    async with engine(handler(work), files=Away()) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)
    assert job.results_file is not None


async def streamed(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


async def test_a_job_gets_files_from_bytes_paths_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "on disk"
    path.write_bytes(b"from a disk")

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.add_file(job.job_id, "a.txt", b"bytes")
        await repo.add_file(job.job_id, "b.bin", path, "application/x-b")
        await repo.add_file(job.job_id, name="ü.json", content=streamed(b"{", b"}"))
        await repo.add_file(job.job_id, "nothing", b"")
        assert worker.jobs.jobs[job.job_id].files == []

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        contents = {file.name: content(worker, file.file_id) for file in job.files}
    assert contents == {
        "a.txt": b"bytes",
        "b.bin": b"from a disk",
        "ü.json": b"{}",
        "nothing": b"",
    }
    types = [file.content_type for file in job.files]
    assert types == [
        "text/plain",
        "application/x-b",
        "application/json",
        "application/octet-stream",
    ]
    assert job.files[0].sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert job.files[0].size == 5


async def test_the_later_of_two_files_with_one_name_counts() -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        slow = repo.add_file(job.job_id, "a", streamed(b"first"))
        await asyncio.gather(slow, repo.add_file(job.job_id, "b", b"b"))
        await repo.add_file(job.job_id, "a", b"second")

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        assert [file.name for file in job.files] in (["a", "b"], ["b", "a"])
        (named,) = (file for file in job.files if file.name == "a")
        assert content(worker, named.file_id) == b"second"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../a", "a\\b", "a\0", "a\nb", " a", "x" * 201, "\u202ea"]
)
async def test_an_unsafe_name_is_refused_at_the_call(name: str) -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.add_file(job.job_id, name, b"x")

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
    assert (job.status, job.attempt, job.files) == (JobStatus.FAILED, 1, [])


@pytest.mark.parametrize("source", ["bytes", "path", "stream"])
async def test_a_file_over_the_limit_is_refused_and_leaves_nothing(
    source: str, tmp_path: Path
) -> None:
    large = bytes(MAX_FILE_BYTES + 1)
    (tmp_path / "large").write_bytes(large)
    contents: dict[str, Any] = {
        "bytes": large,
        "path": tmp_path / "large",
        "stream": streamed(large),
    }

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.add_file(job.job_id, "large", contents[source])

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        assert worker.files.begun == {}
    assert job.error is not None
    assert (job.status, job.error.code) == (JobStatus.FAILED, ErrorCode.FILE_TOO_LARGE)


@pytest.mark.parametrize("given", ["text", 7, None, ["x"]])
async def test_content_of_another_type_is_refused(given: Any) -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.add_file(job.job_id, "a", given)

    async with engine(handler(work)) as worker:
        assert (await worker.ended(await worker.submit())).status is JobStatus.FAILED


async def test_a_slow_file_delays_neither_progress_nor_a_cancellation() -> None:
    class Slow(InMemoryFileRepository):
        async def save(
            self, content: AsyncIterable[bytes], info: FileInfo, *, max_bytes: int | None = None
        ) -> StoredFile:
            await asyncio.sleep(60)
            return await super().save(content, info, max_bytes=max_bytes)

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        storing = asyncio.create_task(repo.add_file(job.job_id, "a", b"x"))
        await repo.update_job_progress(job.job_id, JobProgress(step="storing", percent=5))
        await storing

    async with engine(handler(work), files=Slow(), heartbeat_sec=0.05) as worker:
        job_id = await worker.submit()
        held = await worker.until(job_id, lambda job: job.progress is not None)
        worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})
        job = await worker.ended(job_id)
    assert (job.status, job.files) == (JobStatus.CANCELLED, [])


async def test_a_file_added_after_the_end_is_not_stored(tmp_path: Path) -> None:
    opened: list[io.IOBase] = []

    class Source(PosixPath):
        def open(self, *args: Any, **options: Any) -> Any:
            opened.append(super().open(*args, **options))
            return opened[-1]

    (tmp_path / "late").write_bytes(b"late")

    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        await repo.update_job_status(job.job_id, JobStatus.COMPLETED)
        await repo.add_file(job.job_id, "late", Source(tmp_path / "late"))

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
        await worker.until(job.job_id, lambda _: not worker.manager.running)
        assert worker.files.begun == {}
    assert [source.closed for source in opened] == [True]
    assert worker.jobs.jobs[job.job_id].files == []


async def test_error_details_are_cut_whether_reported_or_raised() -> None:
    details = {"code": 7, "page": "x" * 10**6}

    async def reports(job: Job, repo: SecretaryJobRepository) -> None:
        repo.update_job_error(job.job_id, JobError(code="C", message="m", details=details))

    async def raises(job: Job, repo: SecretaryJobRepository) -> None:
        raise PermanentError("m", code="C", details=details)

    for work in (reports, raises):
        async with engine(handler(work)) as worker:
            job = await worker.ended(await worker.submit())
        assert job.error is not None
        assert job.error.details is not None
        assert job.error.details["code"] == 7
        assert 10_000 < len(json.dumps(job.error.details).encode()) <= MAX_TEXT_BYTES


async def test_a_job_fails_even_if_its_error_details_cannot_be_stored() -> None:
    async def work(job: Job, repo: SecretaryJobRepository) -> None:
        raise PermanentError("m", details={"where": Path("/x"), "n": float("nan")})

    async with engine(handler(work)) as worker:
        job = await worker.ended(await worker.submit())
    assert job.error is not None
    assert job.error.details is not None
    assert "PosixPath('/x')" in job.error.details["text"]
