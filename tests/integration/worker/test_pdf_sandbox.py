"""The child process under its limits: hostile documents, cancellation, the worker's own death."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pdf_samples
import pytest
from handler_bench import child_pids

from secretary_common.errors import ErrorCode, PermanentError
from secretary_worker.confinement import Limits
from secretary_worker.sandbox import Bounds, Sandbox

CHILD = "secretary_worker.extract.child"
LIMITS = Limits(memory_bytes=2**30, cpu_sec=30)
BOUNDS = Bounds(timeout_sec=30)


def request(path: Path, **changes: Any) -> dict[str, Any]:
    whole = {
        "path": str(path),
        "password": None,
        "max_pages": 100,
        "method": "native",
        "page_start": 1,
        "page_end": None,
        "languages": ["eng"],
        "tessdata": None,
    }
    return {**whole, **changes}


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(pdf_samples.time_bomb_pdf())
    return path


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_samples.report_pdf())
    return path


@pytest.fixture(autouse=True)
def _nothing_stays_behind() -> Iterator[None]:
    """No test leaves a child or a descriptor."""
    before = open_descriptors()
    yield
    assert child_pids(CHILD) == []
    assert open_descriptors() <= before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def fail(limits: Limits, bounds: Bounds, path: Path, **changes: Any) -> str:
    with pytest.raises(PermanentError) as caught:
        await Sandbox(limits, bounds).run(CHILD, request(path, **changes), on_message=ignore)
    return caught.value.code


def ignore(message: dict[str, Any]) -> None:
    del message


async def until(look: Callable[[], bool], deadline_sec: float = 10.0) -> None:
    ends = time.monotonic() + deadline_sec
    while not look():
        assert time.monotonic() < ends, "it did not happen in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(path: Path, **changes: Any) -> AsyncIterator[tuple[asyncio.Task[float], int]]:
    """A child at work on *path*, and its pid."""
    opened = asyncio.Event()
    work = Sandbox(LIMITS, BOUNDS).run(
        CHILD, request(path, **changes), on_message=lambda _: opened.set()
    )
    task = asyncio.create_task(work)
    await asyncio.wait_for(opened.wait(), 10)
    [pid] = child_pids(CHILD)
    yield task, pid
    task.cancel()
    await asyncio.wait([task])


async def test_a_bomb_ends_at_the_limit_of_cpu_time(bomb: Path) -> None:
    limits = Limits(memory_bytes=2**30, cpu_sec=1)
    assert await fail(limits, BOUNDS, bomb) == ErrorCode.PARSE_TIMEOUT


async def test_a_bomb_ends_at_the_limit_of_wall_clock(bomb: Path) -> None:
    assert await fail(LIMITS, Bounds(timeout_sec=1), bomb) == ErrorCode.PARSE_TIMEOUT


async def test_a_bomb_ends_at_the_limit_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pdf"
    path.write_bytes(pdf_samples.memory_bomb_pdf(1_000_000))
    limits = Limits(memory_bytes=256 * 2**20, cpu_sec=30)
    assert await fail(limits, BOUNDS, path) == ErrorCode.PARSE_MEMORY_LIMIT


async def test_memory_too_small_to_start_in_is_told_as_such(report: Path) -> None:
    limits = Limits(memory_bytes=32 * 2**20, cpu_sec=30)
    assert await fail(limits, BOUNDS, report) == ErrorCode.PARSE_MEMORY_LIMIT


@pytest.mark.parametrize("bounds", [{"line_bytes": 200}, {"output_bytes": 400}])
async def test_more_output_than_allowed_is_not_taken(report: Path, bounds: dict[str, int]) -> None:
    code = await fail(LIMITS, Bounds(timeout_sec=30, **bounds), report)
    assert code == ErrorCode.PARSE_MEMORY_LIMIT


async def test_a_child_killed_by_a_signal_has_crashed(bomb: Path) -> None:
    async with running(bomb) as (task, pid):
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(PermanentError, match="SIGSEGV") as caught:
            await task
    assert caught.value.code == ErrorCode.PARSER_CRASHED


@pytest.mark.parametrize("module", ["this", "no_such_module"])
async def test_a_child_that_does_not_speak_the_protocol_has_crashed(module: str) -> None:
    with pytest.raises(PermanentError) as caught:
        await Sandbox(LIMITS, BOUNDS).run(module, {}, on_message=ignore)
    assert caught.value.code == ErrorCode.PARSER_CRASHED


async def test_cancellation_kills_the_child_at_once(bomb: Path) -> None:
    async with running(bomb) as (task, pid):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not exists(pid)


def test_a_child_is_run_and_killed_from_a_loop_outside_the_main_thread(bomb: Path) -> None:
    async def run_and_cancel() -> None:
        async with running(bomb) as (task, pid):
            task.cancel()
            await asyncio.wait([task])
            assert not exists(pid)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run_and_cancel()).result(20)


async def test_an_error_of_the_listener_ends_the_child(report: Path) -> None:
    def refuse(message: dict[str, Any]) -> None:
        raise LookupError(message)

    with pytest.raises(LookupError):
        await Sandbox(LIMITS, BOUNDS).run(CHILD, request(report), on_message=refuse)


async def test_the_child_knows_no_secret_and_stands_under_its_limits(
    bomb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETARY_SECURITY__ENCRYPTION_KEYS", '["geheim"]')
    async with running(bomb, password="geheim") as (_, pid):
        about = Path(f"/proc/{pid}")
        assert b"geheim" not in about.joinpath("environ").read_bytes()
        assert b"SECRETARY" not in about.joinpath("environ").read_bytes()
        assert b"geheim" not in about.joinpath("cmdline").read_bytes()
        limits = about.joinpath("limits").read_text()
        assert f"Max address space         {2**30}" in limits
        assert "Max cpu time              30 " in limits
        assert "Max core file size        0 " in limits
        assert "Max file size             0 " in limits
        assert about.joinpath("oom_score_adj").read_text().strip() == "1000"
        assert os.getsid(pid) == os.getpgid(pid) == pid


WORKER = """
import asyncio, json, sys
from secretary_worker.confinement import Limits
from secretary_worker.sandbox import Bounds, Sandbox
sandbox = Sandbox(Limits(memory_bytes=2**30, cpu_sec=30), Bounds(timeout_sec=30))
started = lambda message: print("started", flush=True)
asyncio.run(sandbox.run(sys.argv[1], json.loads(sys.argv[2]), on_message=started))
"""


async def test_kill_9_of_the_worker_leaves_no_child(bomb: Path) -> None:
    arguments = [sys.executable, "-c", WORKER, CHILD, json.dumps(request(bomb))]
    worker = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"started\n"
    [pid] = child_pids(CHILD, worker.pid)
    worker.kill()
    await worker.wait()
    await until(lambda: not exists(pid))
