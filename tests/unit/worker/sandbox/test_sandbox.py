"""Child processes of a handler package of a user's own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretary_common.errors import PermanentError, WorkerUnfit
from secretary_worker import AnswerLimits, ProcessLimits, Sandbox, ZygoteClient

MODULE = """
from pathlib import Path

from secretary_common.errors import PermanentError

warm = []


def warm_up():
    warm.append(True)


def begin(files):
    def answer(request, emit):
        if "code" in request:
            raise PermanentError("no", code=request["code"])
        emit({"text": Path(files[0]).read_text(), "warm": warm})

    return answer
"""


@pytest.fixture
def zygote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZygoteClient]:
    """The zygote of a module that is on this process's search path but is not installed."""
    (tmp_path / "users_child.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    client = ZygoteClient("users_child")
    yield client
    client.close()


async def ask(
    zygote: ZygoteClient, tmp_path: Path, request: dict[str, Any], *codes: str
) -> list[Any]:
    messages: list[Any] = []
    limits, bounds = ProcessLimits(memory_bytes=2**30, cpu_sec=5), AnswerLimits(timeout_sec=20)
    (tmp_path / "file").write_text("content")
    with (tmp_path / "file").open() as file:
        async with Sandbox(zygote, limits, bounds, codes=codes).child([file.fileno()]) as child:
            await child.ask(request, messages.append)
    return messages


async def test_a_child_finds_the_modules_that_its_worker_finds(
    zygote: ZygoteClient, tmp_path: Path
) -> None:
    assert await ask(zygote, tmp_path, {}) == [{"text": "content", "warm": [True]}]


@pytest.mark.parametrize(
    ("raised", "reported"),
    [
        ("TABLE_INVALID", "TABLE_INVALID"),
        ("FILE_NOT_FOUND", "FILE_NOT_FOUND"),
        ("OTHER", "PARSER_CRASHED"),
    ],
)
async def test_a_child_may_raise_the_codes_that_its_sandbox_names(
    zygote: ZygoteClient, tmp_path: Path, raised: str, reported: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        await ask(zygote, tmp_path, {"code": raised}, "TABLE_INVALID")
    assert caught.value.code == reported


async def test_a_zygote_that_hangs_is_the_fault_of_the_worker_and_not_of_the_document(
    zygote: ZygoteClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secretary_worker.sandbox.child._KILL_SEC", 0.01)
    monkeypatch.setattr("secretary_worker.sandbox.child._STDERR_GRACE_SEC", 0.01)
    zygote.start()
    assert zygote.pid is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    limits, bounds = ProcessLimits(memory_bytes=2**30, cpu_sec=5), AnswerLimits(timeout_sec=0.1)
    with pytest.raises(WorkerUnfit):
        async with Sandbox(zygote, limits, bounds).child([]) as child:
            await child.ask({}, lambda _: None)


async def test_a_zygote_that_hangs_is_replaced_when_the_next_child_starts(
    zygote: ZygoteClient, tmp_path: Path
) -> None:
    zygote.start()
    hanging = zygote.pid
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    limits, bounds = ProcessLimits(memory_bytes=2**30, cpu_sec=5), AnswerLimits(timeout_sec=0.1)
    with pytest.raises(WorkerUnfit):
        async with Sandbox(zygote, limits, bounds).child([]) as child:
            await child.ask({}, lambda _: None)
    assert await ask(zygote, tmp_path, {}) == [{"text": "content", "warm": [True]}]
    assert zygote.pid != hanging


async def test_a_zygote_outlives_the_thread_that_starts_it(
    zygote: ZygoteClient, tmp_path: Path
) -> None:
    starter = threading.Thread(target=zygote.start)
    starter.start()
    starter.join()
    started = zygote.pid
    assert await ask(zygote, tmp_path, {}) == [{"text": "content", "warm": [True]}]
    assert zygote.pid == started
