"""What a handler reports about its job."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from support.handler_harness import Done, Recorder
from support.virtual_loop import VirtualLoop

from secretary_common.models import JobProgress
from secretary_documents.handlers.contract import REPEAT_SEC, JobReport
from secretary_documents.handlers.pdf.progress import page_progress
from secretary_worker.attempt.flush_timer import FLUSH_SEC


async def test_progress_is_repeated_during_a_long_page_and_not_after_it() -> None:
    recorder = Recorder()
    reports = recorder.progress
    report = JobReport("job-1", recorder, repeat_sec=0.01)
    report.progress(page_progress(3, 9)[0])
    async with report.repeating_progress():
        async with asyncio.timeout(10):
            while len(reports) < 3:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)
        report.progress(page_progress(4, 9)[0])
    count = len(reports)
    assert {progress.percent for progress in reports} == {40, 43}
    assert reports[1].message == "page 3 of 9 (0 s)"
    await asyncio.sleep(0.05)
    assert len(reports) == count


@pytest.mark.parametrize("last_report_at", [0.0, 0.1, 0.7, 3.4])
def test_progress_changes_every_second_whenever_the_last_report_came(last_report_at: float) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        reported_at = runner.run(report_times(last_report_at, until=9))
    gaps = [later - earlier for earlier, later in itertools.pairwise(reported_at)]
    assert max(gaps) <= REPEAT_SEC + 1e-6
    assert REPEAT_SEC + FLUSH_SEC < 2, "the engine writes progress a little late"


async def report_times(last_report_at: float, until: float) -> list[float]:
    """Return the times of the reports, in seconds from the start."""
    now = asyncio.get_running_loop().time
    reported_at: list[float] = []

    class Stopwatch(Recorder):
        def update_job_progress(self, job_id: str, progress: JobProgress) -> Done:
            reported_at.append(now())
            return super().update_job_progress(job_id, progress)

    report = JobReport("job-1", Stopwatch(), monotonic=now)
    report.progress(page_progress(1, 9)[0])
    async with report.repeating_progress():
        await asyncio.sleep(last_report_at)
        report.progress(page_progress(2, 9)[0])
        await asyncio.sleep(until - last_report_at)
    return [*reported_at, until]
