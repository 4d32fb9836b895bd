"""Each fault changes the metric that its alert reads (deploy/prometheus/alerts.yml)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.proxy import Network, TcpProxy
from secretary_devstack.servers.receiver import Receiver, ReceiverAnswer

pytestmark = pytest.mark.drill

LEASE_SEC = 3
# More than the figures of the API need to be read again.
SEEN_SEC = 40


@pytest.fixture(scope="module")
def broker(amqp_url: str) -> Iterator[tuple[TcpProxy, str]]:
    """A proxy in front of the broker, and the broker's URL through the proxy."""
    head, _, tail = amqp_url.rpartition("@")
    address, slash, rest = tail.partition("/")
    with Network() as network:
        proxy = network.proxy(int(address.partition(":")[2]))
        yield proxy, f"{head}@127.0.0.1:{proxy.port}{slash}{rest}"


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack], broker: tuple[TcpProxy, str]) -> Stack:
    return start_shared_stack(
        {
            "generic_worker.poll_interval_sec": 1,
            "generic_worker.max_concurrent": 1,
            "notifier.poll_interval_sec": 0.5,
            "notifier.retry_schedule_sec": [0],
            "worker.lease_sec": LEASE_SEC,
            "worker.heartbeat_sec": 1,
        },
        amqp_url=broker[1],
        workers=2,
    )


@pytest.fixture
def client(stack: Stack) -> Iterator[JobClient]:
    with stack.client() as connected:
        yield connected


def value(service: Service, stack: Stack, name: str, **labels: str) -> float:
    """Return the sum of a metric's values with these labels; 0 without any."""
    headers = {"Authorization": f"Bearer {stack.keys.bootstrap}"}
    text = httpx.get(f"http://127.0.0.1:{service.port}/metrics", headers=headers).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"secretary_{name}" and labels.items() <= sample.labels.items()
    )


def becomes(
    service: Service, stack: Stack, expected: Callable[[float], bool], name: str, **labels: str
) -> None:
    wait_until(
        lambda: expected(value(service, stack, name, **labels)),
        timeout_sec=SEEN_SEC,
        what=f"{name} {labels}",
    )


def test_a_healthy_system_has_no_sign_of_a_fault(stack: Stack, client: JobClient) -> None:
    assert client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=30)["attempt"] == 1
    (api,), (notifier,) = stack.apis, stack.notifiers
    for service in (api, notifier, *stack.workers):
        becomes(service, stack, lambda found: found == 1, "mongo_connected")
    for worker in stack.workers:
        becomes(worker, stack, lambda found: found == 1, "broker_connected", role="listen")
        assert value(worker, stack, "leases_lost_total") == 0
        assert value(worker, stack, "worker_unfit") == 0
        assert value(worker, stack, "disk_free_bytes") > 0
    becomes(api, stack, lambda found: found == 2, "job_type_workers", job_type="nap")
    assert value(api, stack, "mongo_disk_free_bytes") > 0
    assert value(notifier, stack, "breakers_open") == 0
    assert value(notifier, stack, "deliveries_ended_total", state="dead") == 0


def test_without_the_broker_workers_are_disconnected_and_find_jobs_by_polling(
    stack: Stack, client: JobClient, broker: tuple[TcpProxy, str]
) -> None:
    proxy = broker[0]
    workers = stack.workers
    before = sum(value(one, stack, "claims_total", found_by="poll") for one in workers)
    proxy.refuse()
    try:
        for worker in workers:
            becomes(worker, stack, lambda found: found == 0, "broker_connected", role="listen")
        assert client.wait(client.submit("nap", {"seconds": 0}), timeout_sec=30)["attempt"] == 1
        after = sum(value(one, stack, "claims_total", found_by="poll") for one in workers)
        assert after > before
        assert value(workers[0], stack, "broker_silence_seconds", role="listen") > 0
        (api,) = stack.apis
        becomes(api, stack, lambda found: found > 0, "doorbells_rung_total", outcome="failed")
    finally:
        proxy.resume()
    for worker in workers:
        becomes(worker, stack, lambda found: found == 1, "broker_connected", role="listen")


def test_a_failing_receiver_opens_its_breaker_and_its_webhooks_die(
    stack: Stack, client: JobClient
) -> None:
    (api,), (notifier,) = stack.apis, stack.notifiers
    with Receiver(answer=ReceiverAnswer(500)) as receiver:
        hook = {"url": receiver.url(), "progress": False}
        for _ in range(12):
            client.submit("custom", {"input": "x", "webhook": hook})
        becomes(notifier, stack, lambda found: found >= 10, "deliveries_ended_total", state="dead")
        becomes(notifier, stack, lambda found: found == 1, "breakers_open")
        becomes(api, stack, lambda found: found >= 10, "deliveries_dead")
        client.submit("custom", {"input": "x", "webhook": hook})  # waits for the open breaker
        becomes(api, stack, lambda found: found > 0, "deliveries_oldest_due_seconds")


def test_a_stopped_worker_loses_its_lease(stack: Stack, client: JobClient) -> None:
    job_id = client.submit("nap", {"seconds": 4 * LEASE_SEC})

    def holder() -> Service | None:
        lines = ((one, one.log.read_text().splitlines()) for one in stack.workers)
        found = (
            one
            for one, log in lines
            if any("job.claimed" in line and job_id in line for line in log)
        )
        return next(found, None)

    frozen = wait_until(holder, timeout_sec=20, what="a worker that runs the job")
    (other,) = (one for one in stack.workers if one is not frozen)
    pid = frozen.child.pid
    os.killpg(os.getpgid(pid), signal.SIGSTOP)
    try:
        becomes(other, stack, lambda found: found == 1, "claims_total", found_by="reclaim")
    finally:
        os.killpg(os.getpgid(pid), signal.SIGCONT)
    becomes(frozen, stack, lambda found: found >= 1, "leases_lost_total")
    assert client.wait(job_id, timeout_sec=60)["status"] == "completed"


def test_without_workers_jobs_wait_and_their_type_has_no_worker(
    stack: Stack, client: JobClient
) -> None:
    (api,) = stack.apis
    for worker in stack.workers:
        assert worker.stop()
    client.submit("nap", {"seconds": 0})
    becomes(api, stack, lambda found: found == 1, "jobs_waiting", job_type="nap")
    becomes(api, stack, lambda found: found == 0, "job_type_workers", job_type="nap")
    becomes(api, stack, lambda found: found > 0, "jobs_oldest_wait_seconds", job_type="nap")
    assert value(api, stack, "jobs_running", job_type="nap") == 0
    with pytest.raises(httpx.ConnectError):  # Prometheus' own metric ``up`` shows this
        httpx.get(f"http://127.0.0.1:{stack.workers[0].port}/metrics")
