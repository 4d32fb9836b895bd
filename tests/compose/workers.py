"""Three workers share the work, one of them drains, and the doorbell survives its server."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from typing import Any

from compose.project import UP_SEC, Project
from compose.usage import JOB_SEC, NATIVE, SAMPLE, SLOW_URL
from support.scenario_report import expect, say

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient

SHARED_JOBS, DRAINED_JOBS = 60, 12
JOBS_SEC = 180.0
STOP_SEC = 45
# Compose polls every 5 s, so three starts in a row within 1 s are hardly chance: (1/5)^3.
PROMPT_SEC, PROMPT_JOBS = 1.0, 3
DOORBELL_BACK_SEC = 60.0


def submit(client: JobClient, count: int, **parameters: Any) -> list[str]:
    """Submit *count* jobs, which are short unless *parameters* change that; return their ids."""
    return [client.submit("pdf", {"filename": SAMPLE, **parameters}) for _ in range(count)]


def expect_first_attempts(client: JobClient, job_ids: list[str]) -> None:
    """Wait until all jobs have completed at their first attempt.

    Raises:
        PromiseBroken: a job failed or needed more attempts.
    """
    end = time.monotonic() + JOBS_SEC
    for job_id in job_ids:
        job = client.wait(job_id, timeout_sec=max(1.0, end - time.monotonic()))
        expect(job["status"] == "completed", f"{job_id} {job['status']}: {job['error']}")
        expect(job["attempt"] == 1, f"{job_id} took {job['attempt']} attempts")


def settled(project: Project) -> dict[str, Counter[str]]:
    """Return the outcomes of each worker's attempts."""
    return {
        project.inspect(worker)["Name"].lstrip("/"): Counter(
            line["outcome"] for line in project.events(worker, "job.settled")
        )
        for worker in project.containers("worker")
    }


def share_the_work(project: Project, client: JobClient) -> None:
    """Run sixty jobs on three workers: each completes some, no job runs twice."""
    before = settled(project)
    started = time.monotonic()
    expect_first_attempts(client, submit(client, SHARED_JOBS))
    seconds = time.monotonic() - started
    shares = {
        name: (counts - before[name])["completed"] for name, counts in settled(project).items()
    }
    say(f"{SHARED_JOBS} jobs in {seconds:.1f} s, each at its first attempt")
    for name, count in shares.items():
        say(f"  {name.removeprefix(project.name)[1:]} completed {count}")
    expect(all(shares.values()), "a worker completed no job")
    expect(sum(shares.values()) == SHARED_JOBS, f"{sum(shares.values())} attempts were settled")


def drain_a_worker(project: Project, client: JobClient) -> None:
    """Stop a worker while it works: it finishes its jobs, the other workers go on."""
    before = {one: _claims(project, one) for one in project.containers("worker")}
    slow = {"url": SLOW_URL, **NATIVE}
    job_ids = [client.submit("pdf", slow) for _ in range(DRAINED_JOBS)]

    def working() -> str | None:
        return next((one for one in before if _claims(project, one) > before[one]), None)

    worker = wait_until(working, timeout_sec=JOB_SEC, what="a claim")
    started = time.monotonic()
    project.docker("stop", "-t", str(STOP_SEC), worker)
    seconds = time.monotonic() - started
    expect_first_attempts(client, job_ids)
    running = project.events(worker, "worker.draining")[-1]["running"]
    code = project.inspect(worker)["State"]["ExitCode"]
    outcomes = Counter(line["outcome"] for line in project.events(worker, "job.settled"))
    claims = _claims(project, worker)
    say(
        f"docker stop in {seconds:.1f} s with {running} running: exit code {code}, {dict(outcomes)}"
    )
    say(f"all {DRAINED_JOBS} jobs completed at their first attempt")
    expect(running, "the worker ran no job when it was stopped")
    expect(code == 0, f"the stopped worker's exit code is {code}")
    expect(set(outcomes) == {"completed"}, f"the worker's attempts ended {dict(outcomes)}")
    expect(claims == outcomes["completed"], f"{claims} claims, {outcomes['completed']} completed")
    project.docker("start", worker)


def _claims(project: Project, worker: str) -> int:
    return len(project.events(worker, "job.claimed"))


def restart_the_broker(project: Project, client: JobClient) -> None:
    """Restart RabbitMQ: jobs are accepted and run meanwhile, and the doorbell works afterwards."""
    restart = project.start("restart", "rabbitmq")
    job_ids: list[str] = []
    end = time.monotonic() + UP_SEC
    while restart.poll() is None and time.monotonic() < end:
        job_ids += submit(client, 1)
        time.sleep(0.5)
    expect(restart.poll() == 0, f"docker could not restart rabbitmq: {restart.poll()}")
    expect_first_attempts(client, job_ids)
    say(f"{len(job_ids)} jobs submitted while RabbitMQ restarted: all at their first attempt")
    started = time.monotonic()
    wait_until(
        lambda: all(start_delay(client) < PROMPT_SEC for _ in range(PROMPT_JOBS)),
        timeout_sec=DOORBELL_BACK_SEC,
        what="jobs started by the doorbell",
    )
    say(f"the doorbell works again {time.monotonic() - started:.1f} s after that")


def start_delay(client: JobClient) -> float:
    """Submit a job; return the seconds from its acceptance to its start."""
    (job_id,) = submit(client, 1)
    job = client.wait(job_id, timeout_sec=JOB_SEC)
    accepted, begun = (
        datetime.fromisoformat(job[name]) for name in ("created_at", "processing_started_at")
    )
    return (begun - accepted).total_seconds()
