"""A primary without a majority: what it confirms alone starts no handler and spends no attempt."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.mongod import ReplicaSet

pytestmark = pytest.mark.drill


LEASE_SEC = 6.0
SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "worker.lease_sec": LEASE_SEC,
    "worker.heartbeat_sec": 1,
    "worker.handler_modules": ["e2e_handlers"],
}


def starts(stack: Stack) -> int:
    """How many handlers the workers have started."""
    return sum(worker.log.read_text().count("job.claimed") for worker in stack.workers)


def is_running(job: dict[str, Any]) -> bool:
    """Whether a worker runs the job."""
    return bool(job["status"] == "processing")


def test_without_a_majority_no_handler_starts_and_no_attempt_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with (
        ReplicaSet(tmp_path / "mongo", size=3) as mongo,
        Stack(tmp_path / "stack", mongo_url=mongo.url, workers=2, settings=SETTINGS) as stack,
        stack.client() as client,
    ):
        running = [client.submit("nap", {"seconds": 15}, max_attempts=1) for _ in range(4)]
        for job_id in running:
            client.wait(job_id, timeout_sec=30, until=is_running)
        with mongo.without_majority():
            time.sleep(1)
            before = starts(stack)
            assert before == len(running)
            for number in range(2):
                with pytest.raises(httpx.HTTPStatusError) as refused:
                    client.submit("nap", {"seconds": 0.1}, job_name=f"late-{number}")
                assert refused.value.response.status_code == 503
            time.sleep(2 * LEASE_SEC)
            assert starts(stack) == before
        for job_id in running:
            job = client.wait(job_id, timeout_sec=60)
            assert job["status"] == "completed", job["error"]
        late = client.http.get("/api/jobs/", params={"job_type": "nap"}).json()["data"]["jobs"]
        for job in late:
            assert client.wait(job["job_id"], timeout_sec=30)["status"] == "completed"
