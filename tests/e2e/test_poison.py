"""Jobs that freeze or end their worker, and a watchdog that knows a pause from a freeze."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service, answers_ok
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


def restart_ended(stack: Stack) -> None:
    """What ``restart: unless-stopped`` does."""
    for worker in stack.workers:
        if not worker.running:
            worker.launch()


def all_ready(stack: Stack) -> bool:
    """Whether all workers are ready; a worker that has ended by now is restarted."""
    restart_ended(stack)
    return all(answers_ok(worker.port, "/health/ready") for worker in stack.workers)


def ended(stack: Stack, client: JobClient, job_ids: list[str], within_sec: float) -> list[Any]:
    """The jobs, once all have ended; workers are restarted meanwhile."""

    def look() -> list[Any] | None:
        restart_ended(stack)
        jobs = [client.job(job_id) for job_id in job_ids]
        over = all(job["status"] in ("completed", "failed") for job in jobs)
        return jobs if over else None

    return wait_until(look, timeout_sec=within_sec, what="the jobs", every_sec=0.5)


@pytest.mark.parametrize(("job_type", "how"), [("freeze", "frozen"), ("die", "died")])
def test_a_poison_job_takes_two_workers_and_no_job_beside_it(
    start_stack: StackFactory, job_type: str, how: str
) -> None:
    stack = start_stack(SETTINGS, workers=2)
    with stack.client() as client:
        others = [client.submit("nap", {"seconds": 0.5}) for _ in range(25)]
        bad = client.submit(job_type, {})
        others += [client.submit("nap", {"seconds": 0.5}) for _ in range(25)]
        (poison,) = ended(stack, client, [bad], within_sec=60)
        assert (poison["status"], poison["error"]["code"]) == ("failed", "POISONED")
        worker_failures = poison["error"]["details"]["worker_failures"]
        assert [(one["attempt"], one["how"]) for one in worker_failures] == [(1, how), (2, how)]
        assert len({one["worker"] for one in worker_failures}) == 2
        jobs = ended(stack, client, others, within_sec=2 * LEASE_SEC)
        assert {job["status"] for job in jobs} == {"completed"}
        wait_until(lambda: all_ready(stack), timeout_sec=60, what="the workers", every_sec=0.5)
    logs = [worker.log.read_text() for worker in stack.workers]
    assert sum(log.count("worker.silenced") for log in logs) == 2
    assert sum(log.count(f"in handle_{job_type}") for log in logs) >= 2


def test_a_job_that_stops_its_worker_each_time_takes_three_workers(
    start_stack: StackFactory,
) -> None:
    stack = start_stack({**SETTINGS, "worker.lease_sec": 2 * LEASE_SEC}, workers=4)
    with stack.client() as client:
        bad = client.submit("stop", {})
        poison = client.wait(bad, timeout_sec=120)
        assert (poison["status"], poison["error"]["code"]) == ("failed", "POISONED")
        worker_failures = poison["error"]["details"]["worker_failures"]
        assert [(one["attempt"], one["how"]) for one in worker_failures] == [
            (2, "stopped"),
            (3, "stopped"),
        ]
        other = client.wait(client.submit("nap", {"seconds": 0.5}), timeout_sec=30)
        assert other["status"] == "completed"
        for worker in stack.workers:
            os.kill(worker.child.pid, signal.SIGCONT)
        wait_until(lambda: all_ready(stack), timeout_sec=60, what="the workers", every_sec=0.5)
    assert all(worker.running for worker in stack.workers)


def watchdog_of(worker: Service) -> int:
    """The process id of the watchdog of a worker."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        words = found.read_bytes().split(b"\0")
        if (
            b"secretary_worker.watchdog.process" in words
            and str(worker.child.pid).encode() in words
        ):
            return int(found.parent.name)
    raise AssertionError("no watchdog")


def test_a_worker_that_was_stopped_for_longer_than_its_lease_goes_on(
    start_stack: StackFactory,
) -> None:
    stack = start_stack(SETTINGS)
    worker = stack.workers[0]
    alone, all_of_it = [worker.child.pid], [worker.child.pid, watchdog_of(worker)]
    with stack.client() as client:
        for stopped in (alone, all_of_it):  # SIGSTOP of a worker; a machine that is moved
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(1.3 * LEASE_SEC)
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            job = client.wait(client.submit("nap", {"seconds": LEASE_SEC}), timeout_sec=30)
            assert (job["status"], job["attempt"]) == ("completed", 1)
    assert worker.running
    assert worker.child.pid == alone[0]
    assert "worker.silenced" not in worker.log.read_text()
