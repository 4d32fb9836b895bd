"""A batch claim that a crash or a failover cuts: each of its jobs runs, and none is lost."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from chaos.injection.batch_claims import await_batch_claim, jobs_of, slow_reads

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet

pytestmark = pytest.mark.drill

LEASE_SEC = 5.0
SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "generic_worker.max_concurrent": 6,
    "worker.lease_sec": LEASE_SEC,
    "worker.heartbeat_sec": 1,
    "worker.handler_modules": ["e2e_handlers"],
}
DATABASE = "secretary"
JOBS = 6


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def submitted(client: JobClient) -> list[str]:
    return [client.submit("nap", {"seconds": 0.1}, max_attempts=1) for _ in range(JOBS)]


def ended(client: JobClient, ids: list[str]) -> list[dict[str, Any]]:
    return [client.wait(job_id, timeout_sec=90) for job_id in ids]


def test_a_worker_killed_between_a_batch_claim_and_its_read_loses_no_job(tmp_path: Path) -> None:
    parameters = {"enableTestCommands": "1"}
    with (
        ReplicaSet(tmp_path / "mongo", parameters=parameters) as mongo,
        Stack(tmp_path / "stack", mongo_url=mongo.url, settings=SETTINGS) as stack,
        stack.client() as client,
        jobs_of(mongo.primary(), DATABASE) as jobs,
    ):
        worker = stack.workers[0]
        worker.child.send(signal.SIGSTOP)
        ids = submitted(client)
        with slow_reads(mongo.primary(), 1000):
            worker.child.send(signal.SIGCONT)
            assert await_batch_claim(jobs, [], timeout_sec=20)
            worker.kill()
        assert "job.claimed" not in worker.log.read_text()
        worker.launch()
        for job in ended(client, ids):
            assert (job["status"], job["attempt"]) == ("completed", 2), job["error"]
        stored = list(jobs.find({"_id": {"$in": ids}}))
        assert [one["lost_leases"] for one in stored] == [1] * JOBS


def test_a_failover_in_the_middle_of_a_batch_claim_runs_each_job_once(tmp_path: Path) -> None:
    with (
        ReplicaSet(tmp_path / "mongo", size=3, election_timeout_ms=4000) as mongo,
        Stack(tmp_path / "stack", mongo_url=mongo.url, settings=SETTINGS) as stack,
        stack.client() as client,
    ):
        worker, primary = stack.workers[0], mongo.primary()
        worker.child.send(signal.SIGSTOP)
        ids = submitted(client)
        with jobs_of(primary, DATABASE) as jobs, mongo.without_majority():
            worker.child.send(signal.SIGCONT)
            assert await_batch_claim(jobs, [], timeout_sec=4)
            primary.kill()
        time.sleep(1)
        primary.start()
        for job in ended(client, ids):
            assert (job["status"], job["error"]) == ("completed", None)
        lines = worker.log.read_text().splitlines()
        runs = [line for line in lines if "job.claimed" in line]
        assert [sum(job_id in line for line in runs) for job_id in ids] == [1] * JOBS
