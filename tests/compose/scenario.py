"""``make compose-test``: test docker-compose.yml: its locks, three workers, a drain, a restart.

It builds the images, starts everything under its own project name, uses it as the README says, and
removes it with its volumes. It exits with 0 only if every promise was kept.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from compose.image import build
from compose.locks import check_locks, check_refusals, check_sandbox, check_users
from compose.project import OURS, UP_SEC, CommandFailed, JsonObject, Project, run
from support.scenario_report import PromiseBroken, expect, say

from secretary_devstack.deadline import wait_until
from secretary_devstack.error import NotInTime
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.local_system import end_on_sigterm
from secretary_devstack.servers.port import free_port
from secretary_devstack.servers.receiver import signature_fault

WORKERS = 3
SHARED_JOBS, DRAINED_JOBS = 60, 12
READY_SEC, JOB_SEC, WEBHOOK_SEC = 90.0, 60.0, 30.0
JOBS_SEC = 180.0
HEALTHY_SEC = 120.0
STOP_SEC = 45
# Compose polls every 5 s, so three starts in a row within 1 s are hardly chance: (1/5)^3.
PROMPT_SEC, PROMPT_JOBS = 1.0, 3
DOORBELL_BACK_SEC = 60.0
SAMPLE = "/files/sample.pdf"
SLOW = {"extraction_method": "ocr", "page_end": 1, "use_cache": False}
EXPECTED = "The Night Post of Lübeck"


def bring_up(project: Project) -> None:
    """Start all services with three workers; return when the API is ready."""
    started = time.monotonic()
    project.compose("up", "-d", "--scale", f"worker={WORKERS}", timeout_sec=UP_SEC)
    say(f"up -d --scale worker={WORKERS}: {time.monotonic() - started:.0f} s")

    def ready() -> bool:
        try:
            return httpx.get(f"{project.url}/health/ready").is_success
        except httpx.TransportError:
            return False

    wait_until(ready, timeout_sec=READY_SEC, what="/health/ready", every_sec=0.5)
    say(f"{project.url}/health/ready answers 200")
    count = len(project.containers("worker"))
    expect(count == WORKERS, f"{count} workers run")


def curl(
    project: Project, path: str, *arguments: str, content_type: str | None = "application/json"
) -> JsonObject:
    """Call the API with curl; return the ``data`` of its answer.

    Raises:
        PromiseBroken: the answer is an error.
    """
    key = project.secrets["SECRETARY_API__BOOTSTRAP_KEY"]
    headers = ["-H", f"Authorization: Bearer {key}"]
    headers += ["-H", f"Content-Type: {content_type}"] if content_type else []
    command = ("curl", "-sS", "--max-time", "15", *headers, *arguments, f"{project.url}{path}")
    answer: JsonObject = json.loads(run(*command, env=project.env))
    expect(answer["status"] == "success", f"{path}: {answer}")
    data: JsonObject = answer["data"]
    return data


def use_as_the_readme_says(project: Project) -> None:
    """Make the README's three curl calls, and check the signed webhook."""
    webhook = {"url": "http://receiver:8080/hook", "jobId": "client-1"}
    parameters = {"filename": SAMPLE, "extraction_method": "native", "webhook": webhook}
    body = json.dumps({"job_type": "pdf", "parameters": parameters})
    job_id = curl(project, "/api/jobs/", "-X", "POST", "-d", body)["job_id"]
    say(f"curl -X POST /api/jobs/: {job_id}")

    def poll() -> JsonObject | None:
        job = curl(project, f"/api/jobs/{job_id}")
        return job if job["status"] in ("completed", "failed") else None

    job = wait_until(poll, timeout_sec=JOB_SEC, what=job_id, every_sec=0.3)
    expect(job["status"] == "completed", f"{job_id} {job['status']}: {job['error']}")
    text = job["results"]["extracted_text"]
    expect(EXPECTED in text, f"the text lacks {EXPECTED!r}")
    say(f"curl /api/jobs/{{id}}: completed, {len(text)} characters")
    listed = [one["job_id"] for one in curl(project, "/api/jobs/?limit=10")["jobs"]]
    expect(job_id in listed, "the list lacks the job")
    say(f"curl /api/jobs/: {len(listed)} job")
    check_webhook(project)


def check_webhook(project: Project) -> None:
    """Check that the completion arrived, with a valid signature under the service's secret."""
    (receiver,) = project.containers("receiver")

    def completion() -> JsonObject | None:
        for line in project.log_lines(receiver):
            if json.loads(base64.b64decode(line["body"]))["phase"] == "completed":
                return line
        return None

    line = wait_until(completion, timeout_sec=WEBHOOK_SEC, what="a webhook", every_sec=0.5)
    body = base64.b64decode(line["body"])
    secret = json.loads(project.secrets["SECRETARY_NOTIFIER__SIGNING_SECRETS"])[0]
    fault = signature_fault(secret, line["headers"], body, now=time.time())
    expect(not fault, f"the webhook does not verify: {fault}")
    count = len(list(project.log_lines(receiver)))
    say(f"webhooks received in the container: {count}; the completion's signature verifies")


def use_the_rest(project: Project, client: JobClient) -> None:
    """Upload, cancel, retry, delete, resend: each user of MongoDB does all of its work."""
    upload = curl(project, "/api/files", "-F", "file=@demo/sample.pdf", content_type=None)
    job_id = client.submit("pdf", {"file_id": upload["file_id"], **SLOW, "use_cache": True})
    client.wait(job_id, timeout_sec=JOB_SEC)
    curl(project, f"/api/jobs/{job_id}/retry", "-X", "POST")
    client.wait(job_id, timeout_sec=JOB_SEC)
    later = client.submit("pdf", {"filename": SAMPLE}, delay_sec=3600)
    curl(project, f"/api/jobs/{later}/cancel", "-X", "POST")
    curl(project, f"/api/jobs/{later}", "-X", "DELETE")
    batch = json.dumps({"jobs": [{"job_type": "pdf", "parameters": {"filename": SAMPLE}}] * 2})
    curl(project, "/api/jobs/batch", "-X", "POST", "-d", batch)
    key = curl(project, "/api/keys", "-X", "POST", "-d", '{"name": "one"}')
    curl(project, f"/api/keys/{key['key_id']}", "-X", "DELETE")
    (delivery, *_) = curl(project, "/api/deliveries")["deliveries"]
    curl(project, f"/api/deliveries/{delivery['id']}/resend", "-X", "POST")
    for job_type in ("pause", "resume"):
        curl(project, f"/api/job-types/session/{job_type}", "-X", "POST")
    say("upload, retry, cancel, delete, batch, key, resend and pause work")


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
    worker = project.containers("worker")[0]
    before = len(project.events(worker, "job.settled"))
    job_ids = submit(client, DRAINED_JOBS, **SLOW)
    wait_until(
        lambda: len(project.events(worker, "job.claimed")) > before,
        timeout_sec=JOB_SEC,
        what="a claim of the worker to be stopped",
    )
    started = time.monotonic()
    project.docker("stop", "-t", str(STOP_SEC), worker)
    seconds = time.monotonic() - started
    expect_first_attempts(client, job_ids)
    running = project.events(worker, "worker.draining")[-1]["running"]
    code = project.inspect(worker)["State"]["ExitCode"]
    outcomes = Counter(line["outcome"] for line in project.events(worker, "job.settled"))
    claims = len(project.events(worker, "job.claimed"))
    say(
        f"docker stop in {seconds:.1f} s with {running} running: exit code {code}, {dict(outcomes)}"
    )
    say(f"all {DRAINED_JOBS} jobs completed at their first attempt")
    expect(running, "the worker ran no job when it was stopped")
    expect(code == 0, f"the stopped worker's exit code is {code}")
    expect(set(outcomes) == {"completed"}, f"the worker's attempts ended {dict(outcomes)}")
    expect(claims == outcomes["completed"], f"{claims} claims, {outcomes['completed']} completed")
    project.docker("start", worker)


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


def check_health_and_end(project: Project) -> None:
    """Check that every container is healthy, none crashed, and ours exit with 0 when stopped."""
    services = ("mongo", "rabbitmq", *OURS)
    containers = {c: service for service in services for c in project.containers(service)}

    def unhealthy() -> list[str]:
        states = {c: project.inspect(c)["State"]["Health"]["Status"] for c in containers}
        return [containers[c] for c, state in states.items() if state != "healthy"]

    wait_until(lambda: not unhealthy(), timeout_sec=HEALTHY_SEC, what="health", every_sec=2)
    restarts = sum(project.inspect(c)["RestartCount"] for c in containers)
    say(f"{len(containers)} containers healthy, {restarts} crashes")
    expect(not restarts, "a container crashed")
    project.compose("stop", timeout_sec=UP_SEC)
    codes = {c: project.inspect(c)["State"]["ExitCode"] for c in containers}
    bad = {containers[c]: code for c, code in codes.items() if code and containers[c] in OURS}
    expect(not bad, f"exit codes after stop: {bad}")
    say("stopped: every Secretary service ended with exit code 0")


def show_logs(project: Project) -> None:
    """Print the last log lines of every container, to analyse a failure."""
    sys.stdout.write(project.compose("logs", "--no-color", "--tail", "30"))


def exercise(project: Project) -> None:
    """Run every step in order.

    Raises:
        PromiseBroken, CommandFailed, NotInTime: a step failed.
    """
    build(project)
    bring_up(project)
    check_locks(project)
    check_users(project)
    check_sandbox(project)
    use_as_the_readme_says(project)
    with JobClient(project.url, project.secrets["SECRETARY_API__BOOTSTRAP_KEY"]) as client:
        use_the_rest(project, client)
        share_the_work(project, client)
        drain_a_worker(project, client)
        restart_the_broker(project, client)
    check_refusals(project)
    check_health_and_end(project)


def main() -> int:
    """Run the scenario; return the exit status."""
    end_on_sigterm()
    settings = {"SECRETARY_SECURITY__ALLOW_NETWORKS": '["198.51.100.0/24"]'}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = Project(folder, port=free_port(), settings=settings)
        say(f"project {project.name}")
        try:
            exercise(project)
        except (PromiseBroken, CommandFailed, NotInTime) as error:
            show_logs(project)
            say(f"compose-test: FAILED: {error}")
            return 1
        finally:
            project.remove()
            say("removed: containers, networks, volumes")
    say("compose-test: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
