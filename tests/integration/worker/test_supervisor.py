"""If a worker is the first process of a container, its watchdog outlives it."""

import os
import platform
import select
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from secretary_devstack.deadline import wait_until
from secretary_worker import supervisor

# The worker starts a process that needs a moment after the worker's death, then does *what*.
SCRIPT = """
import os, signal, subprocess, sys, time
from pathlib import Path
from secretary_worker.supervisor import supervise

def work():
    subprocess.Popen(["/bin/sh", "-c", "sleep 1; touch recorded"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    Path("started").touch()
    {what}

sys.exit(supervise(work))
"""


def supervised(folder: Path, what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT.format(what=what)]
    return subprocess.Popen(command, cwd=folder)


def names(children: Path) -> str:
    """Return the names of the processes that *children*, a file of proc(5), lists."""
    found = []
    for pid in children.read_text().split():
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/comm").read_text())
    return " ".join(found)


@pytest.mark.parametrize(
    ("what", "code"),
    [("os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL), ("sys.exit(3)", 3)],
)
def test_processes_of_a_dead_worker_may_end_first(tmp_path: Path, what: str, code: int) -> None:
    assert supervised(tmp_path, what).wait(20) == code
    assert (tmp_path / "recorded").exists()


def test_a_signal_after_the_death_of_the_worker_does_not_end_its_processes(tmp_path: Path) -> None:
    process = supervised(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    wait_until((tmp_path / "started").exists, timeout_sec=20, what="the worker")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: "python" not in names(children), timeout_sec=20, what="its death")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGKILL
    assert (tmp_path / "recorded").exists()


def test_processes_of_a_worker_that_ended_well_are_not_awaited(tmp_path: Path) -> None:
    assert supervised(tmp_path, "pass").wait(20) == 0
    assert not (tmp_path / "recorded").exists()


def test_signals_reach_the_worker_and_its_exit_code_is_returned(tmp_path: Path) -> None:
    process = supervised(tmp_path, "time.sleep(60)")
    while not (tmp_path / "started").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 7


def test_a_signal_at_the_very_start_is_passed_on_too(tmp_path: Path) -> None:
    # SIGTERM arrives when the worker is ready, but the supervisor has not returned from its fork.
    slow = """
        def slow_fork(fork=os.fork):
            pid = fork()
            if pid:
                time.sleep(1)
            return pid

        os.fork = slow_fork
        """
    script = textwrap.dedent(slow) + SCRIPT.format(what="time.sleep(60)")
    process = subprocess.Popen([sys.executable, "-c", f"import os, time\n{script}"], cwd=tmp_path)
    wait_until((tmp_path / "started").exists, timeout_sec=20, what="the worker")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 7


def test_the_worker_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    process = supervised(tmp_path, "Path('pid').write_text(str(os.getpid())); time.sleep(60)")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())
    pidfd = os.pidfd_open(worker)
    process.kill()
    process.wait()
    assert select.select([pidfd], [], [], 10)[0]


def test_elsewhere_than_on_linux_the_worker_refuses_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(SystemExit) as caught:
        supervisor.main()
    assert str(caught.value).startswith("secretary-worker: the worker runs only on Linux")
    assert "\n" not in str(caught.value)
