"""Workers that were stopped go on where they were: no attempt is spent, no job fails."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from secretary_devstack.processes.stack import Stack

pytestmark = pytest.mark.drill


LEASE_SEC = 6.0
SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "worker.lease_sec": LEASE_SEC,
    "worker.heartbeat_sec": 1,
    "worker.drain_sec": 1,
}
StackFactory = Callable[..., Stack]


@contextlib.contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """Stop processes with SIGSTOP, as a migrated machine or a closed laptop does."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def is_running(job: dict[str, Any]) -> bool:
    """Whether a worker runs the job."""
    return bool(job["status"] == "processing")


def test_all_workers_stopped_three_times_for_longer_than_a_lease_spend_no_attempt(
    start_stack: StackFactory,
) -> None:
    stack = start_stack(SETTINGS, workers=2)
    pids = [worker.child.pid for worker in stack.workers]
    with stack.client() as client:
        jobs = [client.submit("nap", {"seconds": 20}, max_attempts=1) for _ in range(6)]
        for job_id in jobs:
            client.wait(job_id, timeout_sec=30, until=is_running)
        for _ in range(3):
            with stopped(pids):
                time.sleep(1.3 * LEASE_SEC)
            time.sleep(3)
        ends = [client.wait(job_id, timeout_sec=60) for job_id in jobs]
    assert [(job["status"], job["attempt"]) for job in ends] == [("completed", 1)] * 6
    logs = [worker.log.read_text() for worker in stack.workers]
    assert all(log.count("worker.was_paused") == 3 for log in logs)


def test_a_job_does_not_time_out_while_its_worker_is_stopped(start_stack: StackFactory) -> None:
    stack = start_stack(SETTINGS)
    with stack.client() as client:
        job_id = client.submit("nap", {"seconds": 10}, max_attempts=1, timeout_sec=15)
        client.wait(job_id, timeout_sec=30, until=is_running)
        with stopped([worker.child.pid for worker in stack.workers]):
            time.sleep(17)
        job = client.wait(job_id, timeout_sec=30)
    assert (job["status"], job["attempt"]) == ("completed", 1)
