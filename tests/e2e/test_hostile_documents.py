"""Hostile documents under the strict sandbox: all end, and nothing of them is left."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from support.handler_harness import descendants
from support.hostile_documents import HOSTILE, RENAMED
from support.hostile_files import HOSTILE_FILES

from secretary_common.errors import ErrorCode
from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.stack import Stack
from secretary_worker.sandbox import lockdown

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(bool(lockdown.lacks()), reason="the kernel lacks a layer"),
]

SETTINGS = {
    "worker.sandbox": "strict",
    "worker.handler_modules": [],
    "generic_worker.max_concurrent": 2,
    "generic_worker.poll_interval_sec": 1,
    "pdf.page_sec": 3,
    "pdf.cpu_sec": 20,
    "pdf.timeout_sec": 60,
    "pdf.memory_mb": 768,
    "documents.cpu_sec": 5,
    "documents.timeout_sec": 60,
    "documents.memory_mb": 768,
}
# A result that the worker cannot explain would have one of these.
UNEXPLAINED = {ErrorCode.PROCESSING_ERROR, ErrorCode.WORKER_LOST, ErrorCode.POISONED}
JOB_SEC = 600.0


METHODS = ("native", "combined")
PARTS = 4
"""Each part of the files is a test, because a test has a limit of time."""


def test_every_hostile_document_ends_and_leaves_no_process(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    documents = {**HOSTILE, **RENAMED}
    assert len(documents) >= 43
    check_that_all_end(start_stack, tmp_path, documents, "pdf", METHODS)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_hostile_file_of_another_format_ends_and_leaves_no_process(
    start_stack: Callable[..., Stack], tmp_path: Path, part: int
) -> None:
    files = list({**HOSTILE_FILES, **RENAMED}.items())
    assert len(files) >= 75
    check_that_all_end(start_stack, tmp_path, dict(files[part::PARTS]), "document", METHODS[:1])


def check_that_all_end(
    start_stack: Callable[..., Stack],
    folder: Path,
    documents: Mapping[str, Callable[[], bytes]],
    job_type: str,
    methods: Sequence[str],
) -> None:
    """Check that a job on each of *documents* ends, and that nothing of them is left."""
    for number, make in enumerate(documents.values()):
        (folder / f"{number}.pdf").write_bytes(make())
    stack = start_stack(SETTINGS)
    (worker,) = stack.workers
    pid, before = worker.child.pid, set(descendants(worker.child.pid))
    with stack.client() as client:
        ids = {
            (name, method): client.submit(
                job_type, {"filename": f"{number}.pdf", "extraction_method": method}
            )
            for number, name in enumerate(documents)
            for method in methods
        }
        jobs = {one: client.wait(job_id, timeout_sec=JOB_SEC) for one, job_id in ids.items()}
    codes = Counter((job["error"] or {"code": job["status"]})["code"] for job in jobs.values())
    sys.stdout.write(f"{len(documents)} documents, {len(jobs)} jobs: {dict(codes)}\n")
    assert set(codes) <= {"completed", *ErrorCode} - UNEXPLAINED, codes
    assert {job["attempt"] for job in jobs.values()} == {1}, "no attempt was lost"
    for job in jobs.values():
        assert "root:" not in str(job["results"]), "no file was read"
    assert worker.running, "the worker lives"
    assert worker.child.pid == pid, "it was not started again"
    wait_until(
        lambda: set(descendants(pid)) <= before, timeout_sec=10, what="the end of all children"
    )
