"""Several workers: which worker starts which job, and when."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack

pytestmark = pytest.mark.drill

# No job waits for a poll here: a doorbell or a timer starts it in time.
LONG_POLL = {
    "generic_worker.poll_interval_sec": 120,
    "worker.lease_sec": 6,
    "worker.heartbeat_sec": 1,
    "worker.drain_sec": 1,
}
# One second, and a margin for a busy machine; much less than a poll.
SOON_SEC = 5.0
ONE, OTHER = "secretary-worker-1", "secretary-worker-2"


def own_settings(name: str) -> dict[str, Any]:
    """Worker 1 has one slot; worker 2 has five and does not run ``hold``."""
    few = {"generic_worker.max_concurrent": 5, "worker.job_types": ["nap", "custom"]}
    only: dict[str, dict[str, Any]] = {ONE: {"generic_worker.max_concurrent": 1}, OTHER: few}
    return only.get(name, {})


@pytest.fixture(scope="module")
def pool(start_shared_stack: Any, amqp_url: str) -> Stack:
    """Two listening workers, shared by the tests that do not change them."""
    stack: Stack = start_shared_stack(
        LONG_POLL, amqp_url=amqp_url, workers=2, own_settings=own_settings
    )
    for worker in stack.workers:
        await_listening(worker)
    return stack


@pytest.fixture
def client(pool: Stack) -> Iterator[JobClient]:
    """An admin's client; afterwards running jobs are cancelled and both workers listen again."""
    with pool.client() as connected:
        yield connected
        for job in data(connected.http.get("/api/jobs/", params={"status": "processing"}))["jobs"]:
            data(connected.http.post(f"/api/jobs/{job['job_id']}/cancel"))
            connected.wait(job["job_id"], timeout_sec=20)
        for worker in pool.workers:
            await_listening(worker)


def await_listening(worker: Service) -> None:
    wait_until(lambda: live(worker)["listening"], timeout_sec=30, what="a listening worker")


def live(worker: Service) -> dict[str, Any]:
    """Return what the worker reports about itself."""
    answer = httpx.get(f"http://127.0.0.1:{worker.port}/health/live")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def moment(job: dict[str, Any], name: str) -> float:
    return datetime.fromisoformat(job[name]).timestamp()


def started(job: dict[str, Any]) -> bool:
    return job["processing_started_at"] is not None


def logged(worker: Service, event: str, job_id: str) -> bool:
    return any(event in line and job_id in line for line in worker.log.read_text().splitlines())


def scheduled_doorbells(worker: Service) -> float:
    """Return how many doorbells of scheduled jobs the worker has got."""
    text = httpx.get(f"http://127.0.0.1:{worker.port}/metrics").text
    mark = 'outcome="scheduled",queue="secretary.jobs.nap"'
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if mark in line)


def occupy(client: JobClient) -> str:
    """Fill the only slot of worker 1 with a type that worker 2 does not run."""
    job_id = client.submit("hold", {"seconds": 90})
    client.wait(job_id, timeout_sec=20, until=started)
    return job_id


def data(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()["data"]


def test_an_idle_worker_starts_twenty_jobs_although_another_is_full(
    pool: Stack, client: JobClient
) -> None:
    occupy(client)
    ids = [client.submit("nap", {"seconds": 1.5}) for _ in range(20)]
    jobs = [client.wait(job_id, timeout_sec=60) for job_id in ids]
    assert {job["attempt"] for job in jobs} == {1}
    assert all(logged(pool.workers[1], "job.claimed", job_id) for job_id in ids)
    jobs.sort(key=lambda job: moment(job, "processing_started_at"))
    freed = sorted(moment(job, "completed_at") for job in jobs)
    # Five slots are free at first; each later job waits until another one ends.
    for n, job in enumerate(jobs):
        free_at = max(moment(job, "created_at"), freed[n - 5] if n >= 5 else 0)
        assert moment(job, "processing_started_at") - free_at < SOON_SEC


def test_a_job_starts_at_its_time_although_the_worker_with_its_timer_is_full(
    pool: Stack, client: JobClient
) -> None:
    one = pool.workers[0]

    def job_of_worker_one() -> str | None:
        before = scheduled_doorbells(one)
        job_id = client.submit("nap", {"seconds": 0}, delay_sec=6)
        time.sleep(1)
        if scheduled_doorbells(one) > before:
            return job_id
        data(client.http.post(f"/api/jobs/{job_id}/cancel"))  # worker 2 has the timer
        return None

    job_id = wait_until(job_of_worker_one, timeout_sec=30, what="a timer set by worker 1")
    occupy(client)
    job = client.wait(job_id, timeout_sec=30)
    assert logged(pool.workers[1], "job.claimed", job_id)
    assert 0 <= moment(job, "processing_started_at") - moment(job, "run_at") < SOON_SEC


def test_paused_jobs_wait_and_start_when_they_are_resumed(pool: Stack, client: JobClient) -> None:
    running = client.submit("nap", {"seconds": 3})
    client.wait(running, timeout_sec=20, until=started)
    assert data(client.http.post("/api/job-types/nap/pause"))["workers"] == 2
    time.sleep(1.5)
    ids = [client.submit("nap", {"seconds": 0}) for _ in range(4)]
    other = client.submit("custom", {"input": "ab"})
    assert client.wait(other, timeout_sec=20)["status"] == "completed"
    assert client.wait(running, timeout_sec=20)["attempt"] == 1
    assert {client.job(job_id)["status"] for job_id in ids} == {"pending"}
    data(client.http.post("/api/job-types/nap/resume"))
    resumed_at = time.time()
    for job_id in ids:
        job = client.wait(job_id, timeout_sec=30)
        assert moment(job, "processing_started_at") - resumed_at < SOON_SEC


def listed_by(client: JobClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(client.http.get("/api/workers"))["workers"]
    return found


def test_workers_are_listed_with_what_they_run(pool: Stack, client: JobClient) -> None:
    inactive = pool.add_worker({"generic_worker.active": False})
    inactive.start()
    job_id = occupy(client)

    def shown() -> list[dict[str, Any]] | None:
        listed = listed_by(client)
        busy = any(each["running"] for each in listed)
        return listed if len(listed) == 3 and busy else None

    listed = wait_until(shown, timeout_sec=20, what="three workers, one with its job")
    by_slots = {each["slots"]: each for each in listed}
    assert by_slots[1]["running"] == [job_id]
    assert by_slots[5]["job_types"] == ["custom", "nap"]
    (idle,) = [each for each in listed if not each["active"]]
    assert (idle["running"], idle["listening"]) == ([], False)
    assert live(inactive)["active"] is False
    assert inactive.stop()
    assert len(listed_by(client)) == 2
    pool.workers.remove(inactive)


@pytest.fixture
def quick(start_stack: Any) -> Stack:
    """Two workers that poll and reclaim within seconds; worker 2 does not run ``hold``."""
    settings = {**LONG_POLL, "generic_worker.poll_interval_sec": 1}
    stack: Stack = start_stack(settings, workers=2, own_settings=own_settings)
    return stack


def test_another_worker_ends_a_cancelled_job_whose_worker_is_lost(quick: Stack) -> None:
    with quick.client() as client:
        job_id = occupy(client)
        quick.workers[0].kill()
        data(client.http.post(f"/api/jobs/{job_id}/cancel"))
        waiting = client.submit("hold", {"seconds": 0})
        job = client.wait(job_id, timeout_sec=30)
        assert (job["status"], job["attempt"]) == ("cancelled", 1)
        assert client.job(waiting)["status"] == "pending"  # worker 2 does not run it
        wait_until(
            lambda: len(listed_by(client)) == 1, timeout_sec=20, what="the lost worker to disappear"
        )


def test_no_handler_blocks_a_slot_or_the_end_of_its_worker(quick: Stack) -> None:
    one, other = quick.workers
    assert other.stop()
    with quick.client() as client:
        stuck = client.submit("stuck", {}, timeout_sec=1, max_attempts=1)
        assert client.wait(stuck, timeout_sec=60)["error"]["code"] == "JOB_TIMEOUT"
        assert client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=20)["attempt"] == 1
        stuck = client.submit("stuck", {})
        client.wait(stuck, timeout_sec=20, until=started)
        assert one.stop(timeout_sec=30)
        assert one.child.returncode == 0
        job = client.job(stuck)
        assert (job["status"], job["attempt"]) == ("pending", 1)
        log = one.log.read_text()
        assert log.count("handler_loop.replaced") == 2  # once for each stuck handler
        assert log.count("in handle_stuck") == 2
        assert "process.threads_left_behind" in log

        one.launch(worker__drain_sec=60)
        one.await_ready()
        client.wait(stuck, timeout_sec=20, until=lambda job: job["attempt"] == 2)
        one.child.send(signal.SIGTERM)
        wait_until(
            lambda: one.log.read_text().count("worker.draining") == 2,
            timeout_sec=20,
            what="the drain",
        )
        one.child.send(signal.SIGTERM)  # the second signal ends it at once
        assert one.child.wait(5) == 128 + signal.SIGTERM
