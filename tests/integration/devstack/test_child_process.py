"""Child processes end with the process that started them, even when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.error import ChildFailed

PARENT = """
import os, sys, time
from pathlib import Path
from secretary_devstack.child_process import ChildProcess
child = ChildProcess(["/bin/sleep", "60"], log=Path(sys.argv[1]), env=dict(os.environ))
print(child.pid, flush=True)
time.sleep(60)
"""


TWO_AT_ONCE = """
import os, sys, threading, time
from concurrent import futures
from pathlib import Path
make = futures.ThreadPoolExecutor.__init__
def make_slowly(self, *args, **options):
    made.append(self)
    time.sleep(0.1)
    make(self, *args, **options)
made = []
futures.ThreadPoolExecutor.__init__ = make_slowly
from secretary_devstack.child_process import ChildProcess
def start():
    ChildProcess(["/bin/true"], log=Path(sys.argv[1]), env=dict(os.environ)).wait(10)
starts = [threading.Thread(target=start) for _ in range(2)]
for one in starts: one.start()
for one in starts: one.join()
print(len(made))
"""


def has_ended(pid: int) -> bool:
    try:
        # "pid (name) state …": a zombie has ended, but its new parent has not waited for it yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def child_of(*argv: str, folder: Path) -> ChildProcess:
    return ChildProcess(argv, log=folder / "log", env=dict(os.environ))


def test_a_child_of_a_killed_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: has_ended(pid), timeout_sec=10, what="the child's end")


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        child = executor.submit(child_of, "/bin/sleep", "60", folder=tmp_path).result()
    assert child.running
    assert child.stop()
    assert child.returncode == -signal.SIGTERM


def test_two_threads_that_start_the_first_children_share_the_thread_that_starts_them(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path / "log")]
    # A second thread would end at once, and the kernel would kill its child.
    assert subprocess.check_output(command, text=True).split() == ["1"]


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = child_of(
        "/bin/sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait; wait", folder=tmp_path
    )
    wait_until(lambda: "ready" in child.tail(), timeout_sec=10, what="the trap")
    assert not child.stop(timeout_sec=0.2)
    assert child.returncode == -signal.SIGKILL


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    child = child_of("/bin/sh", "-c", "echo what went wrong; sleep 60", folder=tmp_path)
    wait_until(lambda: "wrong" in child.tail(), timeout_sec=10, what="the line")
    with pytest.raises(ChildFailed, match="what went wrong"):
        child.wait(0.05)
    child.stop()
