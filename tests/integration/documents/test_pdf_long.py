"""A document of 300 pages reports progress, can be cancelled, and continues where it stopped."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support import pdf_bombs
from support.engine_harness import Engine, engine
from support.handler_harness import Recorder, child_pids, make_job
from support.pdf_harness import PdfHarness, RecordingCache, make_handler, pages_of

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import Job, JobStatus
from secretary_common.settings.documents import PdfSection
from secretary_worker.sandbox.zygote_client import ZygoteClient

PAGES = 300
# Pages that may be missing from the cache: the current batch of writes and a delayed progress.
SLACK = 64


@pytest.fixture(scope="module")
def long_pdf() -> bytes:
    return pdf_bombs.slow_pages(PAGES)


def at_page(job: Job, number: int) -> bool:
    words = job.progress.message.split() if job.progress else []
    return words[:1] == ["page"] and int(words[1]) >= number


async def cancel(worker: Engine, job_id: str) -> None:
    """Request the cancellation as the API does."""
    held = worker.jobs.jobs[job_id]
    worker.jobs.jobs[job_id] = held.model_copy(update={"cancel_requested": True})


async def test_an_attempt_that_died_at_page_200_leaves_its_pages_to_the_next_attempt(
    harness: PdfHarness, long_pdf: bytes
) -> None:
    cache, filename = RecordingCache(), harness.put(long_pdf)
    handler = make_handler(harness.root, harness.zygote, cache=cache)
    recorder = Recorder()
    job = make_job("pdf", filename=filename)
    task = asyncio.ensure_future(handler(job, recorder, ResourceCalculator()))
    async with asyncio.timeout(60):
        while not any(one.message == "page 200 of 300" for one in recorder.progress):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # there is no event
    task.cancel()
    await asyncio.wait([task])
    assert len(cache.entries) >= 200 - SLACK
    assert child_pids(harness.zygote.pid) == []

    known = len(cache.entries)
    again = await harness.read(filename, cache=cache)
    assert len(pages_of(again)) == PAGES
    assert f"300 pages read, {known} of them from the cache" in [line for _, line in again.logs]


@pytest.mark.parametrize("method", ["native", "ocr"])
async def test_a_cancelled_job_and_its_children_end_within_three_seconds(
    method: str, tmp_path: Path, zygote: ZygoteClient, long_pdf: bytes
) -> None:
    (tmp_path / "long.pdf").write_bytes(long_pdf)
    handler = make_handler(tmp_path, zygote, limits=PdfSection(ocr_parallel=2))
    async with engine(handler) as worker:  # renews every 10 s
        parameters = {"filename": "long.pdf", "extraction_method": method, "language": ["eng"]}
        job_id = await worker.submit(parameters=parameters)
        await worker.until(job_id, lambda job: at_page(job, 1))
        asked_at = time.monotonic()
        await cancel(worker, job_id)
        job = await worker.ended(job_id)
        assert job.status is JobStatus.CANCELLED
        assert time.monotonic() - asked_at < 3 + 1  # a second for a busy machine
        assert child_pids(zygote.pid) == []


async def test_pages_are_recognised_in_parallel_but_never_by_more_children_than_allowed(
    tmp_path: Path, zygote: ZygoteClient, long_pdf: bytes
) -> None:
    (tmp_path / "long.pdf").write_bytes(long_pdf)
    handler = make_handler(tmp_path, zygote, limits=PdfSection(ocr_parallel=2))
    counts: set[int] = set()
    async with engine(handler, slots=3, drain_sec=0) as worker:
        parameters = {"filename": "long.pdf", "extraction_method": "ocr", "language": ["eng"]}
        jobs = [await worker.submit(parameters=parameters) for _ in range(3)]
        async with asyncio.timeout(60):
            while not all(at_page(worker.jobs.jobs[job_id], 2) for job_id in jobs):
                running = {at_page(worker.jobs.jobs[job_id], 1) for job_id in jobs}
                if running == {True}:  # all jobs have opened their documents
                    counts.add(len(child_pids(zygote.pid)))
                await asyncio.sleep(0.02)
    # In addition, each job may have the idle child that opened its document.
    assert max(counts, default=0) <= 2 + len(jobs)
