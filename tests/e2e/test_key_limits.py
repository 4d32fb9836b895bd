"""One key cannot take every slot, if it has a limit: real processes, two workers."""

from collections.abc import Callable

import pytest

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack

StackFactory = Callable[..., Stack]
MOST = 4
LONG = {"seconds": 300}
LONG_POLL = {"generic_worker.poll_interval_sec": 60}


def key_of(admin: JobClient, name: str, **limits: int) -> str:
    answer = admin.http.post("/api/keys", json={"name": name, "limits": limits})
    return str(answer.json()["data"]["key"])


def used(admin: JobClient, name: str) -> dict[str, int]:
    keys = admin.http.get("/api/keys").json()["data"]["keys"]
    return next(dict(key["used"]) for key in keys if key["name"] == name)


@pytest.mark.drill
def test_twelve_long_jobs_of_a_limited_key_leave_slots_to_other_keys(
    start_stack: StackFactory, amqp_url: str
) -> None:
    stack = start_stack(LONG_POLL, amqp_url=amqp_url, workers=2)
    with stack.client() as admin:
        greedy = JobClient(stack.url, key_of(admin, "greedy", max_running=MOST))
        other = JobClient(stack.url, key_of(admin, "other"))
        with greedy, other:
            long = [greedy.submit("nap", LONG, priority=9) for _ in range(12)]
            for _ in range(5):
                job_id = other.submit("nap", {"seconds": 0})
                assert other.wait(job_id, timeout_sec=30)["status"] == "completed"
            assert used(admin, "greedy") == {"running": MOST, "pending": 8, "bytes": 0}
            for job_id in long:
                greedy.http.post(f"/api/jobs/{job_id}/cancel")
            for job_id in long:
                greedy.wait(job_id, timeout_sec=30)
            assert used(admin, "greedy") == {"running": 0, "pending": 0, "bytes": 0}
