"""What a handler tells of its job."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from support.handler_harness import Done, Recorder
from support.virtual_loop import VirtualLoop

from secretary_common.models import JobProgress
from secretary_documents.handlers.contract import REPEAT_SEC, JobReport
from secretary_documents.handlers.pdf.progress import page_progress
from secretary_worker.attempt.writer import FLUSH_SEC


async def test_progress_moves_while_one_page_takes_long_and_stops_with_it() -> None:
    recorder = Recorder()
    told = recorder.progress
    report = JobReport("job-1", recorder, repeat_sec=0.01)
    report.progress(page_progress(3, 9)[0])
    async with report.repeating_progress():
        async with asyncio.timeout(10):
            while len(told) < 3:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)
        report.progress(page_progress(4, 9)[0])
    count = len(told)
    assert {progress.percent for progress in told} == {40, 43}
    assert told[1].message == "page 3 of 9 (0 s)"
    await asyncio.sleep(0.05)
    assert len(told) == count


@pytest.mark.parametrize("last_news_at", [0.0, 0.1, 0.7, 3.4])
def test_it_moves_every_second_whenever_the_last_news_came(last_news_at: float) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        told_at = runner.run(beats(last_news_at, until=9))
    gaps = [later - earlier for earlier, later in itertools.pairwise(told_at)]
    assert max(gaps) <= REPEAT_SEC + 1e-6
    assert REPEAT_SEC + FLUSH_SEC < 2, "the engine writes progress a little late"


async def beats(last_news_at: float, until: float) -> list[float]:
    """When what was told, in seconds from the start."""
    now = asyncio.get_running_loop().time
    told_at: list[float] = []

    class Stopwatch(Recorder):
        def update_job_progress(self, job_id: str, progress: JobProgress) -> Done:
            told_at.append(now())
            return super().update_job_progress(job_id, progress)

    report = JobReport("job-1", Stopwatch(), monotonic=now)
    report.progress(page_progress(1, 9)[0])
    async with report.repeating_progress():
        await asyncio.sleep(last_news_at)
        report.progress(page_progress(2, 9)[0])
        await asyncio.sleep(until - last_news_at)
    return [*told_at, until]
