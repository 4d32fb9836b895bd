"""Marks show another process which job's code each thread of the worker runs."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable

import pytest
from support.engine_harness import engine

from secretary_common.models import Job, JobStatus
from secretary_worker import ResourceCalculator, SecretaryJobRepository
from secretary_worker.engine.handler_loop import HandlerLoop
from secretary_worker.watchdog.marks import RECORD_BYTES, THREADS, Mark, Marks, read
from secretary_worker.watchdog.process import Observation, suspect_of

ONE, OTHER = (Mark(f"job-{n}", 1, 2, f"token-{n}") for n in (1, 2))


def marked(marks: Marks) -> dict[int, Mark]:
    return read(os.pread(marks.fileno(), RECORD_BYTES * THREADS, 0))


def test_only_code_inside_the_context_is_marked() -> None:
    marks = Marks()
    with marks.job(ONE):
        assert marked(marks) == {threading.get_native_id(): ONE}
    assert marked(marks) == {}


async def in_the_loop(look: Callable[[], object]) -> object:
    return look()


async def after_a_pause(look: Callable[[], object]) -> object:
    await asyncio.sleep(0.01)
    return look()


async def in_a_task_of_its_own(look: Callable[[], object]) -> object:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(after_a_pause(look))
    return task.result()


async def in_a_thread(look: Callable[[], object]) -> object:
    return await asyncio.to_thread(look)


async def in_the_executor(look: Callable[[], object]) -> object:
    return await asyncio.get_running_loop().run_in_executor(None, look)


@pytest.mark.parametrize(
    "run", [in_the_loop, after_a_pause, in_a_task_of_its_own, in_a_thread, in_the_executor]
)
async def test_code_of_a_handler_is_marked_wherever_it_runs(
    run: Callable[[Callable[[], object]], Awaitable[object]],
) -> None:
    loops: list[HandlerLoop] = []
    seen: list[object] = []

    async def handler(_: Job, __: SecretaryJobRepository, ___: ResourceCalculator) -> None:
        seen.append(await run(lambda: marked(loops[0].marks)[threading.get_native_id()]))

    async with engine(handler) as worker:
        loops.append(worker.handler_loop)
        job = await worker.ended(await worker.submit())
        assert job.status is JobStatus.COMPLETED, job.error
        assert job.settled is not None
        assert seen == [Mark(job.job_id, job.run, job.attempt, job.settled.token)]
        assert marked(loops[0].marks) == {}


def test_a_handler_that_waits_has_no_mark() -> None:
    marks = Marks()
    loop = asyncio.new_event_loop()
    loop.set_task_factory(marks.make_task)
    waiting = asyncio.Event()

    async def handler() -> None:
        with marks.job(ONE):
            waiting.set()
            await asyncio.sleep(60)

    async def look() -> dict[int, Mark]:
        task = asyncio.create_task(handler())
        await waiting.wait()
        found = marked(marks)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return found

    try:
        assert loop.run_until_complete(look()) == {}
    finally:
        loop.close()


def test_the_one_marked_attempt_is_the_suspect() -> None:
    observation = Observation({7: ONE}, {7: 5})
    assert suspect_of(observation, observation) == ONE


def test_of_several_attempts_the_one_that_used_the_cpu_is_the_suspect() -> None:
    both = {7: ONE, 8: OTHER}
    assert (
        suspect_of(Observation(both, {7: 50, 8: 900}), Observation(both, {7: 350, 8: 910})) == ONE
    )


@pytest.mark.parametrize("cpu", [{7: 0, 8: 0}, {7: 40, 8: 40}])
def test_without_a_clear_cause_no_attempt_is_the_suspect(cpu: dict[int, int]) -> None:
    both = {7: ONE, 8: OTHER}
    assert suspect_of(Observation(both, {7: 0, 8: 0}), Observation(both, cpu)) is None
    assert suspect_of(Observation({}, {}), Observation({}, {})) is None


def test_no_job_is_to_blame_while_marks_change() -> None:
    assert suspect_of(Observation({7: ONE}, {7: 0}), Observation({7: OTHER}, {7: 9})) is None
    assert suspect_of(Observation({7: ONE}, {7: 0}), Observation({}, {})) is None
