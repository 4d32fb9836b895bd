"""What a handler tells of its job."""

from __future__ import annotations

import asyncio

from handler_bench import Recorder

from secretary_worker.handlers.contract import PULSE_SEC, JobReport
from secretary_worker.handlers.pdf_progress import page_progress


async def test_progress_moves_while_one_page_takes_long_and_stops_with_it() -> None:
    recorder = Recorder()
    told = recorder.progress
    report = JobReport("job-1", recorder, pulse_sec=0.01)
    report.progress(page_progress(3, 9)[0])
    async with report.beating():
        async with asyncio.timeout(10):
            while len(told) < 3:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)
        report.progress(page_progress(4, 9)[0])
    count = len(told)
    assert {progress.percent for progress in told} == {40, 43}
    assert told[1].message == "page 3 of 9 (0 s)"
    await asyncio.sleep(0.05)
    assert len(told) == count


def test_it_moves_at_least_every_two_seconds() -> None:
    assert PULSE_SEC + 0.25 < 2, "the engine writes progress a quarter of a second late"
