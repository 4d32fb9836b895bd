"""What the sandbox does on kernels, here simulated, that lack some of its layers."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from support import probe_child
from support.handler_harness import descendants

from secretary_common.settings.settings import Settings
from secretary_devstack.deadline import wait_until
from secretary_worker import AnswerLimits, ProcessLimits, Sandbox, ZygoteClient
from secretary_worker.main import check_sandbox
from secretary_worker.sandbox import landlock, lockdown, seccomp

LIMITS, BOUNDS = ProcessLimits(memory_bytes=2**30, cpu_sec=5), AnswerLimits(timeout_sec=20)
# Not imported here: its import changes the process.
OLD_KERNEL = "support.old_kernel_child"
LANDLOCK, TCP, SIGNALS = (
    "Landlock (Linux 5.13)",
    "Landlock's rules for TCP (Linux 6.7)",
    "Landlock's rules for signals (Linux 6.12)",
)


@pytest.mark.parametrize(
    ("abi", "filters", "expected"),
    [
        (0, False, ["seccomp filters", LANDLOCK, TCP, SIGNALS]),
        (0, True, [LANDLOCK, TCP, SIGNALS]),
        (3, True, [TCP, SIGNALS]),
        (5, True, [SIGNALS]),
        (6, True, []),
    ],
)
def test_an_old_kernel_is_named_by_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    abi: int,
    expected: list[str],
    *,
    filters: bool,
) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: abi)
    monkeypatch.setattr(seccomp, "available", lambda: filters)
    assert lockdown.lacks() == expected
    check_sandbox(Settings(), lockdown.lacks())
    named = [vars(record)["fields"]["kernel_lacks"] for record in caplog.records]
    assert named == ([", ".join(expected)] if expected else [])


async def attempt(attack: str, folder: Path) -> tuple[bool, ZygoteClient]:
    """Let a child of the old kernel make *attack*; return whether it succeeds, and the zygote."""
    messages: list[dict[str, Any]] = []
    (folder / "document").write_text("abc")
    client = ZygoteClient(OLD_KERNEL)
    client.start()
    with (folder / "document").open("rb") as file:
        async with Sandbox(client, LIMITS, BOUNDS).child([file.fileno()]) as child:
            await child.ask({"attack": attack, "worker": os.getpid()}, messages.append)
    return messages[0]["succeeded"], client


@pytest.mark.parametrize("use", sorted(probe_child.USES))
async def test_children_work_on_an_old_kernel(use: str, tmp_path: Path) -> None:
    succeeded, client = await attempt(use, tmp_path)
    with contextlib.closing(client):
        assert succeeded


async def test_no_process_is_left_after_a_double_fork_on_an_old_kernel(tmp_path: Path) -> None:
    """Nothing forbids the fork there, and the grandchild leaves the group that is killed."""
    succeeded, client = await attempt("outlive the kill", tmp_path)
    with contextlib.closing(client):
        assert succeeded
        assert client.pid is not None
        zygote = client.pid
        wait_until(lambda: descendants(zygote) == [], timeout_sec=5, what="the end of the strays")
