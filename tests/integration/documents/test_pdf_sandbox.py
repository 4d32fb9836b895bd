"""Children and their limits: hostile documents, cancellation, the death of the worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support import pdf_bombs, pdf_samples, report_child
from support.handler_harness import child_pids

from secretary_common.errors import (
    ErrorCode,
    Lack,
    PermanentError,
    TransientError,
    WorkerUnfit,
)
from secretary_documents.handlers.pdf.extractor import CHILD
from secretary_worker.sandbox.child import AnswerLimits, Child
from secretary_worker.sandbox.limits import ProcessLimits
from secretary_worker.sandbox.sandbox import Sandbox
from secretary_worker.sandbox.zygote_client import ZygoteClient

LIMITS = ProcessLimits(memory_bytes=2**30, cpu_sec=30)
BOUNDS = AnswerLimits(timeout_sec=30)
OPEN = {"op": "open", "password": None, "max_pages": 100, "max_pixels": 10**7, "page_sec": 30}
READ = {"op": "read", "pages": [1], "method": "native", "output": "text"}


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(pdf_bombs.nested_forms())
    return path


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_samples.report_pdf())
    return path


@pytest.fixture(autouse=True)
def _nothing_stays_behind(zygote: ZygoteClient) -> Iterator[None]:
    """Check that the test leaves no child and no descriptor."""
    before = open_descriptors()
    yield
    assert child_pids(zygote.pid) == []
    assert open_descriptors() <= before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def ignore(_: dict[str, Any]) -> None:
    """Ignore a message of the child."""


async def until(condition: Callable[[], bool], deadline_sec: float = 10) -> None:
    ends = time.monotonic() + deadline_sec
    while not condition():
        assert time.monotonic() < ends, "the condition was not met in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def child_of(
    zygote: ZygoteClient, path: Path, limits: ProcessLimits = LIMITS, bounds: AnswerLimits = BOUNDS
) -> AsyncIterator[Child]:
    with path.open("rb") as file:
        async with Sandbox(zygote, limits, bounds).child([file.fileno()]) as child:
            yield child


async def fail(
    zygote: ZygoteClient,
    path: Path,
    limits: ProcessLimits = LIMITS,
    bounds: AnswerLimits = BOUNDS,
    **options: Any,
) -> PermanentError:
    """Read the first page of *path*, which fails; return the error."""

    async def read() -> None:
        async with child_of(zygote, path, limits, bounds) as child:
            await child.ask({**OPEN, **options}, ignore)
            await child.ask(READ, ignore)

    with pytest.raises(PermanentError) as caught:
        await read()
    return caught.value


@asynccontextmanager
async def reading(
    zygote: ZygoteClient, bomb: Path
) -> AsyncIterator[tuple[asyncio.Task[None], int]]:
    """Yield the task of a child that has begun to read *bomb*, and the pid of the child."""
    opened = asyncio.Event()

    async def read() -> None:
        async with child_of(zygote, bomb) as child:
            await child.ask({**OPEN, "password": "geheim"}, ignore)
            opened.set()
            await child.ask(READ, ignore)

    task = asyncio.create_task(read())
    await asyncio.wait_for(opened.wait(), 10)
    [pid] = child_pids(zygote.pid)
    yield task, pid
    task.cancel()
    await asyncio.wait([task])


async def test_a_bomb_ends_at_the_cpu_time_of_a_page(zygote: ZygoteClient, bomb: Path) -> None:
    assert (await fail(zygote, bomb, page_sec=0.5)).code == ErrorCode.PARSE_TIMEOUT


async def test_a_bomb_ends_at_the_cpu_time_of_a_child(zygote: ZygoteClient, bomb: Path) -> None:
    limits = ProcessLimits(memory_bytes=2**30, cpu_sec=1)
    assert (await fail(zygote, bomb, limits)).code == ErrorCode.PARSE_TIMEOUT


@pytest.mark.parametrize("clock", ["timeout_sec", "silence_sec"])
async def test_a_bomb_ends_at_the_limit_of_wall_clock(
    zygote: ZygoteClient, bomb: Path, clock: str
) -> None:
    bounds = AnswerLimits(**{"timeout_sec": 30, clock: 1})
    assert (await fail(zygote, bomb, bounds=bounds)).code == ErrorCode.PARSE_TIMEOUT


async def test_a_bomb_ends_at_the_limit_of_memory(zygote: ZygoteClient, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(pdf_bombs.many_operators(1_000_000))
    limits = ProcessLimits(memory_bytes=300 * 2**20, cpu_sec=30)
    assert (await fail(zygote, path, limits)).code == ErrorCode.PARSE_MEMORY_LIMIT


async def test_less_memory_than_a_child_starts_with_is_reported_as_the_memory_limit(
    zygote: ZygoteClient, tmp_path: Path
) -> None:
    path = tmp_path / "small.pdf"
    path.write_bytes(pdf_bombs.many_operators(50_000))
    limits = ProcessLimits(memory_bytes=32 * 2**20, cpu_sec=30)
    assert (await fail(zygote, path, limits)).code == ErrorCode.PARSE_MEMORY_LIMIT


@pytest.mark.parametrize("bounds", [{"line_bytes": 60}, {"output_bytes": 60}])
async def test_more_output_than_allowed_is_refused(
    zygote: ZygoteClient, report: Path, bounds: dict[str, int]
) -> None:
    error = await fail(zygote, report, bounds=AnswerLimits(timeout_sec=30, **bounds))
    assert error.code == ErrorCode.PARSE_MEMORY_LIMIT


async def test_a_child_killed_by_a_signal_has_crashed(zygote: ZygoteClient, bomb: Path) -> None:
    async with reading(zygote, bomb) as (task, pid):
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(PermanentError, match="SIGSEGV") as caught:
            await task
    assert caught.value.code == ErrorCode.PARSER_CRASHED


async def test_a_child_killed_from_outside_is_no_fault_of_the_document(
    zygote: ZygoteClient, bomb: Path
) -> None:
    async with reading(zygote, bomb) as (task, pid):
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(TransientError, match="killed from outside") as caught:
            await task
    assert caught.value.code == ErrorCode.PARSER_CRASHED


async def test_a_child_that_the_kernel_kills_at_its_cpu_limit_has_timed_out(
    zygote: ZygoteClient, bomb: Path
) -> None:
    async with reading(zygote, bomb) as (task, pid):
        # If the soft limit equals the hard limit, the kernel sends SIGKILL and no SIGXCPU.
        resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1))
        with pytest.raises(PermanentError) as caught:
            await task
    assert caught.value.code == ErrorCode.PARSE_TIMEOUT


@pytest.mark.parametrize("module", ["this", "no_such_module"])
async def test_a_zygote_that_cannot_start_is_no_fault_of_the_document(
    module: str, report: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(ZygoteClient(module)) as zygote:
        with pytest.raises(WorkerUnfit) as caught:
            async with child_of(zygote, report) as child:
                await child.ask(OPEN, ignore)
        assert caught.value.lack is Lack.PROCESSES


async def test_a_zygote_that_dies_ends_its_children_and_is_replaced(report: Path) -> None:
    with contextlib.closing(ZygoteClient(CHILD)) as zygote:
        async with child_of(zygote, report) as child:
            await child.ask(OPEN, ignore)
            first = zygote.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            with pytest.raises(WorkerUnfit):
                await child.ask({**READ, "pages": [1] * 10_000}, ignore)  # takes far longer
        messages: list[dict[str, Any]] = []
        async with child_of(zygote, report) as child:
            await child.ask(OPEN, messages.append)
        assert messages[0]["document"]["page_count"] == 3
        assert zygote.pid != first


async def test_many_children_at_once_do_not_mix_their_answers(
    zygote: ZygoteClient, report: Path
) -> None:
    async def read(number: int) -> str:
        messages: list[dict[str, Any]] = []
        async with child_of(zygote, report) as child:
            await child.ask(OPEN, ignore)
            await child.ask({**READ, "pages": [number]}, messages.append)
        return str(messages[0]["page"]["page"])

    numbers = [1, 2, 3] * 8
    assert await asyncio.gather(*map(read, numbers)) == list(map(str, numbers))


async def test_cancellation_kills_the_child_at_once(zygote: ZygoteClient, bomb: Path) -> None:
    async with reading(zygote, bomb) as (task, pid):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not exists(pid)


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancellation_at_any_step_leaves_no_child(
    zygote: ZygoteClient, report: Path, steps: int
) -> None:
    async def read() -> None:
        async with child_of(zygote, report) as child:
            await child.ask(OPEN, ignore)

    task = asyncio.create_task(read())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert child_pids(zygote.pid) == []


async def test_a_second_cancellation_still_waits_for_the_death_of_the_child(
    zygote: ZygoteClient, bomb: Path
) -> None:
    async with reading(zygote, bomb) as (task, pid):
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert not exists(pid)


def test_a_loop_outside_the_main_thread_runs_and_kills_a_child(
    zygote: ZygoteClient, bomb: Path
) -> None:
    async def run_and_cancel() -> None:
        async with reading(zygote, bomb) as (task, pid):
            task.cancel()
            await asyncio.wait([task])
            assert not exists(pid)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run_and_cancel()).result(20)


async def test_an_error_of_the_message_callback_ends_the_child(
    zygote: ZygoteClient, report: Path
) -> None:
    def refuse(message: dict[str, Any]) -> None:
        raise LookupError(message)

    with pytest.raises(LookupError):
        async with child_of(zygote, report) as child:
            await child.ask(OPEN, refuse)


def hidden_content(pid: int | None, name: str) -> bytes:
    """Return the content of a file of a hidden process. Only root can read it."""
    path = Path(f"/proc/{pid}", name)
    if os.geteuid() == 0:
        return path.read_bytes()
    with pytest.raises(PermissionError):
        path.read_bytes()
    return b""


async def test_the_child_has_no_secrets_and_has_its_limits(
    bomb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETARY_SECURITY__ENCRYPTION_KEYS", '["geheim"]')
    with contextlib.closing(ZygoteClient(CHILD)) as zygote:
        async with reading(zygote, bomb) as (_, pid):
            for process in (pid, zygote.pid):
                assert b"geheim" not in hidden_content(process, "environ")
                about = Path(f"/proc/{process}")
                assert b"geheim" not in about.joinpath("cmdline").read_bytes()
            about = Path(f"/proc/{pid}")
            limits = about.joinpath("limits").read_text()
            assert f"Max address space         {2**30}" in limits
            assert "Max core file size        0 " in limits
            assert "Max file size             0 " in limits
            assert about.joinpath("oom_score_adj").read_text().strip() == "1000"
            assert os.getsid(pid) == os.getpgid(pid) == pid


@pytest.fixture
def reporting() -> Iterator[ZygoteClient]:
    """A zygote of children that report what they have."""
    with contextlib.closing(ZygoteClient(report_child.__name__)) as client:
        yield client


async def test_a_child_has_only_its_own_descriptors_and_no_variable_of_the_worker(
    reporting: ZygoteClient, bomb: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETARY_SECURITY__ENCRYPTION_KEYS", '["geheim"]')
    messages: list[dict[str, Any]] = []
    async with child_of(reporting, bomb) as first, child_of(reporting, report) as second:
        await first.ask({}, ignore)
        await second.ask({}, messages.append)
    found = [tuple(one) for one in messages[0]["descriptors"]]
    sockets = {one for one in found if stat.S_ISSOCK(one[0])}
    assert len(sockets) == 2, "its channel and its standard error"
    files = {identity[1:] for identity in found if identity not in sockets}
    own = [os.stat(path) for path in (os.devnull, report)]  # noqa: PTH116 - two kinds of paths
    assert files == {(each.st_dev, each.st_ino) for each in own}
    assert set(messages[0]["environment"]) <= {"PATH", "LANG", "OMP_THREAD_LIMIT", "LC_CTYPE"}


WORKER = """
import asyncio, json, sys
from secretary_worker.sandbox.child import AnswerLimits
from secretary_worker.sandbox.limits import ProcessLimits
from secretary_worker.sandbox.zygote_client import ZygoteClient
from secretary_worker.sandbox.sandbox import Sandbox

async def main():
    zygote = ZygoteClient(sys.argv[1])
    limits = ProcessLimits(memory_bytes=2**30, cpu_sec=30)
    sandbox = Sandbox(zygote, limits, AnswerLimits(timeout_sec=30))
    with open(sys.argv[2], "rb") as file:
        async with sandbox.child([file.fileno()]) as child:
            await child.ask(json.loads(sys.argv[3]), print)
            print(zygote.pid, flush=True)
            await child.ask(json.loads(sys.argv[4]), print)

asyncio.run(main())
"""


async def test_kill_9_of_the_worker_leaves_no_child(bomb: Path) -> None:
    requests = [json.dumps(OPEN), json.dumps(READ)]
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, CHILD, str(bomb), *requests), stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    await worker.stdout.readline()
    zygote = int(await worker.stdout.readline())
    [pid] = child_pids(zygote)
    worker.kill()
    await worker.wait()
    await until(lambda: not exists(pid) and not exists(zygote))
