"""Jobs through real processes: shared by workers, with and without a broker, over crashes."""

import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from support.stream_events import events_in

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.rabbitmq.node import RabbitMQ
from secretary_devstack.servers.receiver import Receiver

# Leases short enough to wait for.
QUICK = {"worker.lease_sec": 4, "worker.heartbeat_sec": 1, "generic_worker.poll_interval_sec": 1}

# The first attempt goes on until it is ended, however busy the machine is.
TWO_NAPS = {"seconds": 60, "seconds_again": 0.5}


@pytest.fixture(scope="module")
def polling(start_shared_stack: Any) -> Stack:
    """A system without a broker, for the tests that change nothing in it."""
    stack: Stack = start_shared_stack()
    return stack


@pytest.fixture(scope="module")
def pair(start_shared_stack: Any, amqp_url: str) -> Stack:
    """A system with a broker and two workers, for the tests that change nothing in it."""
    stack: Stack = start_shared_stack(amqp_url=amqp_url, workers=2)
    return stack


@pytest.fixture(scope="module")
def _quick_pair(start_shared_stack: Any, amqp_url: str) -> Stack:
    settings = {**QUICK, "worker.drain_sec": 1}
    stack: Stack = start_shared_stack(settings, amqp_url=amqp_url, workers=2)
    return stack


@pytest.fixture
def quick_pair(_quick_pair: Stack) -> Stack:
    """A system with a broker and two workers, for the tests that end a worker."""
    for worker in _quick_pair.workers:
        if not worker.running:
            worker.start()
    return _quick_pair


def hook(receiver: Receiver, **fields: Any) -> dict[str, Any]:
    return {"webhook": {"url": receiver.url(), **fields}}


def phases(receiver: Receiver, phase: str) -> Counter[str]:
    """Return how many webhooks of *phase* each job had."""
    bodies = [request.json for request in receiver.requests]
    return Counter(body["process"]["id"] for body in bodies if body["phase"] == phase)


def running_since(job: dict[str, Any]) -> bool:
    return job["processing_started_at"] is not None


def worker_of(stack: Stack, job_id: str) -> Service:
    """Wait until a worker runs the job; return that worker."""

    def claimed() -> Service | None:
        lines = ((worker, worker.log.read_text().splitlines()) for worker in stack.workers)
        return next(
            (
                worker
                for worker, log in lines
                if any("job.claimed" in line and job_id in line for line in log)
            ),
            None,
        )

    return wait_until(claimed, timeout_sec=20, what=f"a worker that runs {job_id}")


def settled(stack: Stack) -> list[int]:
    """Return how many attempts each worker has settled."""
    return [worker.log.read_text().count("job.settled") for worker in stack.workers]


def doorbells(worker: Service, outcome: str) -> float:
    """Return how many doorbells of ``nap`` jobs, stored or quick, had *outcome* by the metrics."""
    text = httpx.get(f"http://127.0.0.1:{worker.port}/metrics").text
    wanted = re.compile(f'outcome="{outcome}",queue="secretary.jobs.nap(:quick)?"')
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if wanted.search(line))


def test_a_handler_runs_from_a_module_of_its_own(pair: Stack) -> None:
    with pair.client() as client:
        job = client.wait(client.submit("custom", {"input": "data"}), timeout_sec=30)
    assert (job["status"], job["results"]) == ("completed", {"result": "atad"})
    assert job["progress"]["percent"] == 100


def test_webhooks_arrive_signed_and_in_order_and_the_last_reports_the_end(
    pair: Stack, receiver: Receiver
) -> None:
    with pair.client() as client:
        parameters = {"seconds": 4, **hook(receiver, token="t-1", jobId="mine")}
        job_id = client.submit("nap", parameters)
        with client.http.stream("GET", f"/api/jobs/{job_id}/stream") as stream:
            events = list(events_in(stream.iter_lines()))
        job = client.job(job_id)
        receiver.wait_for(
            lambda got: got[-1:] != [] and got[-1].json["phase"] == "completed",
            timeout_sec=15,
            what="the completion webhook",
        )
    bodies = [request.json for request in receiver.requests]
    assert [body["phase"] for body in bodies[:-1]] == ["processing"] * (len(bodies) - 1)
    assert 2 <= len(bodies) - 1 <= 6  # one a second at most
    seqs = [body["seq"] for body in bodies]
    assert seqs == sorted(set(seqs))
    assert bodies[-1]["data"] == job["results"]
    assert {body["job"]["id"] for body in bodies} == {"mine"}
    assert [event.name for event in events if event.name != "progress"] in (
        ["pending", "completed"],
        ["completed"],  # the job was claimed before the stream began
    )
    assert events[-1].seq == seqs[-1] == job["seq"]
    seqs = [event.seq for event in events]
    assert seqs == sorted(set(seqs))
    assert len(seqs) >= 4  # twice a second at most, over four seconds
    for request in receiver.requests:
        Webhook(pair.keys.signing).verify(request.body, dict(request.headers))
        assert request.headers["authorization"] == "Bearer t-1"
        assert request.headers["x-callback-token"] == "t-1"


def test_a_failure_is_delivered_with_its_error_but_without_a_traceback(
    polling: Stack, receiver: Receiver
) -> None:
    with polling.client() as client:
        job_id = client.submit("custom", hook(receiver), max_attempts=1)
        job = client.wait(job_id, timeout_sec=30)
    receiver.wait_for(
        lambda got: any(request.json["phase"] == "failed" for request in got),
        timeout_sec=30,
        what="the webhook",
    )
    (request,) = (one for one in receiver.requests if one.json["phase"] == "failed")
    assert job["error"]["details"]["error_type"] == "KeyError"
    assert request.json["data"] is None
    assert request.json["error"]["code"] == "PROCESSING_ERROR"
    assert "Traceback" not in request.body.decode()
    assert job["error"]["message"] not in request.body.decode()


def test_two_workers_share_two_hundred_jobs_and_none_runs_twice(
    pair: Stack, receiver: Receiver
) -> None:
    before = settled(pair)
    with pair.client() as client:
        parameters = {"seconds": 0.05, **hook(receiver, progress=False)}
        ids = [client.submit("nap", parameters) for _ in range(200)]
        jobs = [client.wait(job_id, timeout_sec=60) for job_id in ids]
    assert Counter(job["status"] for job in jobs) == {"completed": 200}
    assert Counter(job["attempt"] for job in jobs) == {1: 200}
    receiver.wait_for(
        lambda _: len(phases(receiver, "completed")) == 200, timeout_sec=60, what="200 webhooks"
    )
    assert phases(receiver, "completed") == Counter(ids)
    shares = [count - old for count, old in zip(settled(pair), before, strict=True)]
    assert sum(shares) == 200
    assert min(shares) > 0


def test_without_a_broker_two_hundred_short_jobs_take_under_twenty_seconds(
    polling: Stack,
) -> None:
    with polling.client() as client:
        started = time.monotonic()
        ids = [client.submit("nap", {"seconds": 0.01}) for _ in range(200)]
        jobs = [client.wait(job_id, timeout_sec=30) for job_id in ids]
        took = time.monotonic() - started
    assert Counter(job["status"] for job in jobs) == {"completed": 200}
    assert took < 20


def test_a_killed_workers_job_is_started_again_and_has_one_result(
    quick_pair: Stack, receiver: Receiver
) -> None:
    with quick_pair.client() as client:
        job_id = client.submit("nap", {**TWO_NAPS, **hook(receiver)})
        worker_of(quick_pair, job_id).kill()
        killed_at = time.monotonic()
        client.wait(job_id, timeout_sec=30, until=lambda job: job["attempt"] == 2)
        # lease 4 s + poll_interval_sec 1 s + 2 s, and a margin of 2 s
        assert time.monotonic() - killed_at < 4 + 1 + 4
        job = client.wait(job_id, timeout_sec=30)
    assert (job["status"], job["attempt"]) == ("completed", 2)
    assert job["results"] == {"slept": 0.5, "attempt": 2}
    receiver.wait_for(
        lambda _: phases(receiver, "completed")[job_id] == 1, timeout_sec=30, what="completion"
    )


def test_a_stopped_worker_hands_its_job_back_without_using_an_attempt(quick_pair: Stack) -> None:
    with quick_pair.client() as client:
        job_id = client.submit("nap", TWO_NAPS, max_attempts=1)
        worker = worker_of(quick_pair, job_id)
        assert worker.stop()
        assert worker.child.returncode == 0
        job = client.wait(job_id, timeout_sec=30)
    assert (job["status"], job["attempt"], job["error"]) == ("completed", 2, None)


def test_a_draining_worker_finishes_its_jobs(start_stack: Any) -> None:
    stack = start_stack({**QUICK, "worker.drain_sec": 20})
    with stack.client() as client:
        job_id = client.submit("nap", {"seconds": 6})  # longer than a lease
        client.wait(job_id, timeout_sec=20, until=running_since)
        assert stack.workers[0].stop(timeout_sec=30)
        job = client.job(job_id)
    assert (job["status"], job["attempt"]) == ("completed", 1)


@pytest.mark.drill
def test_a_broker_outage_costs_only_the_wait_for_the_next_poll(
    start_stack: Any, own_broker: RabbitMQ
) -> None:
    poll = 5
    settings = {"generic_worker.poll_interval_sec": poll}
    stack = start_stack(settings, amqp_url=own_broker.url)
    with stack.client() as client:
        client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=20)
        own_broker.stop()
        job_id = client.submit("nap", {"seconds": 0})  # raises unless the API accepts it
        client.wait(job_id, timeout_sec=2 * (poll + 1), until=running_since)

        before = doorbells(stack.workers[0], "claimed")
        own_broker.start()
        wait_until(  # 15 s, doubled for a busy machine
            lambda: _run_job_and_count(client, stack.workers[0]) > before,
            timeout_sec=2 * 15,
            what="a job started by its doorbell",
            every_sec=0.5,
        )


def _run_job_and_count(client: JobClient, worker: Service) -> float:
    client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=20)
    return doorbells(worker, "claimed")


def test_services_wait_for_a_database_that_is_not_available_yet(tmp_path: Path) -> None:
    stack = Stack(tmp_path, mongo_url="mongodb://127.0.0.1:9/?replicaSet=rs0")
    (late,) = stack.workers
    late.launch()
    wait_until(
        lambda: "store.awaited" in late.log.read_text(), timeout_sec=20, what="the log event"
    )
    assert late.stop()
    assert late.child.returncode == 0


def test_submissions_from_many_threads_are_all_kept(polling: Stack) -> None:
    ids: list[str] = []

    def submit() -> None:
        with polling.client() as client:
            ids.extend(client.submit("nap", {"seconds": 0}) for _ in range(20))

    threads = [threading.Thread(target=submit) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with polling.client() as client:
        statuses = Counter(client.wait(job_id, timeout_sec=60)["status"] for job_id in ids)
    assert statuses == {"completed": 100}
