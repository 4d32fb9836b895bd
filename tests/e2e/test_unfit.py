"""A sick worker hands its jobs back and says why; a good worker that comes later ends them."""

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from cryptography.fernet import Fernet
from support.pdf_samples import CIPHERS

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack

pytestmark = pytest.mark.drill

SETTINGS = {
    "generic_worker.poll_interval_sec": 1,
    "worker.heartbeat_sec": 1,
}
StackFactory = Callable[..., Stack]


def make_pdf(folder: Path, name: str, **options: Any) -> Path:
    path = folder / name
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), f"the text of {name}")
        document.save(path, **options)
    return path


def unfit(client: JobClient) -> list[dict[str, str]]:
    """What each worker lacks that lacks anything."""
    workers = client.http.get("/api/workers").json()["data"]["workers"]
    return [worker["unfit"] for worker in workers if worker["unfit"]]


def test_a_worker_without_descriptors_fails_no_job_and_recovers(
    start_stack: StackFactory, tmp_path: Path
) -> None:
    stack = start_stack(SETTINGS)
    sick = stack.workers[0]
    files = [make_pdf(tmp_path, f"{number}.pdf") for number in range(8)]
    pid = sick.child.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(int(link.name) for link in Path(f"/proc/{pid}/fd").iterdir())
    with stack.client() as client:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 3, before[1]))
        jobs = [client.submit("pdf", {"filename": str(path)}, max_attempts=1) for path in files]
        lacks = wait_until(lambda: unfit(client), timeout_sec=30, what="an unfit worker")
        assert len(lacks) == 1
        stack.add_worker().start()
        ends = [client.wait(job_id, timeout_sec=60) for job_id in jobs]
        assert [job["status"] for job in ends] == ["completed"] * 8, [j["error"] for j in ends]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        wait_until(lambda: not unfit(client), timeout_sec=90, what="a fit worker")
    assert sick.running


def test_a_worker_with_another_encryption_key_fails_no_job(
    start_stack: StackFactory, tmp_path: Path
) -> None:
    other = {"security.encryption_keys": [Fernet.generate_key().decode()]}
    stack = start_stack(
        SETTINGS, own_settings=lambda name: other if name.endswith("worker-1") else {}
    )
    locked = {"encryption": CIPHERS["aes-256"], "user_pw": "open sesame"}
    files = [make_pdf(tmp_path, f"{number}.pdf", **locked) for number in range(6)]
    with stack.client() as client:
        jobs = [
            client.submit("pdf", {"filename": str(path), "password": "open sesame"}, max_attempts=1)
            for path in files
        ]
        lacks = wait_until(lambda: unfit(client), timeout_sec=30, what="an unfit worker")
        assert list(lacks[0]) == ["encryption_key"]
        stack.add_worker().start()
        ends = [client.wait(job_id, timeout_sec=60) for job_id in jobs]
        assert [job["status"] for job in ends] == ["completed"] * 6, [j["error"] for j in ends]
