"""A client's mistakes: each gives a clear error with a stable code, and the worker continues."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pymupdf
import pytest

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import free_port
from secretary_devstack.servers.receiver import Receiver, ReceiverAnswer


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    return start_shared_stack({"api.max_body_mb": 0.1})


@pytest.fixture
def root(stack: Stack) -> Path:
    """The folder whose files jobs may name."""
    return stack.folder.parent


@pytest.fixture
def client(stack: Stack) -> Iterator[JobClient]:
    with stack.client() as client:
        yield client


def pdf(folder: Path) -> Path:
    path = folder / "good.pdf"
    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "Grüße")
    document.save(path)
    return path


def test_the_api_refuses_requests_that_it_can_judge(client: JobClient, stack: Stack) -> None:
    def submit(job_type: str, **parameters: Any) -> httpx.Response:
        body = {"job_type": job_type, "parameters": parameters}
        return client.http.post("/api/jobs/", json=body)

    def send(**request: Any) -> httpx.Response:
        return client.http.post("/api/jobs/", **request)

    as_json = {"Content-Type": "application/json"}
    hook = {"webhook": {"url": "http://169.254.169.254/latest"}}
    answers = {
        "outside the roots": (submit("pdf", filename="/etc/passwd"), 422, "FILE_OUTSIDE_ROOTS"),
        "private url": (submit("pdf", url="http://10.0.0.1/x.pdf"), 422, "URL_REFUSED"),
        "private hook": (submit("pdf", filename="/x", **hook), 422, "URL_REFUSED"),
        "unknown type": (submit("nope"), 422, "UNKNOWN_JOB_TYPE"),
        "bad parameter": (submit("pdf", filename=5), 422, "VALIDATION_ERROR"),
        "unknown parameter": (submit("nap", seconds=1, minutes=2), 422, "VALIDATION_ERROR"),
        "pages backwards": (
            submit("pdf", filename="x", page_start=3, page_end=2),
            422,
            "VALIDATION_ERROR",
        ),
        "malformed": (send(content=b"{nope", headers=as_json), 422, "VALIDATION_ERROR"),
        "too large": (send(content=b" " * 200_000, headers=as_json), 413, "BODY_TOO_LARGE"),
        "not json": (
            send(content=b"a=b", headers={"Content-Type": "text/plain"}),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        "wrong key": (
            httpx.get(f"{stack.url}/api/jobs/", headers={"Authorization": "Bearer nope"}),
            401,
            "UNAUTHORIZED",
        ),
        "no key": (httpx.get(f"{stack.url}/api/jobs/"), 401, "UNAUTHORIZED"),
        "unknown job": (client.http.get("/api/jobs/job-1"), 404, "NOT_FOUND"),
        "unknown path": (client.http.get("/api/nothing"), 404, "NOT_FOUND"),
        "wrong method": (client.http.put("/api/jobs/"), 405, "METHOD_NOT_ALLOWED"),
    }
    for case, (answer, status, code) in answers.items():
        body = answer.json()
        found = (case, answer.status_code, body["status"], body["error"]["code"])
        assert found == (case, status, "error", code)
        assert body["error"]["message"]


def test_errors_that_only_the_worker_sees_fail_one_job(
    client: JobClient, stack: Stack, receiver: Receiver, root: Path, tmp_path: Path
) -> None:
    receiver.answer = ReceiverAnswer(302, {"Location": "http://10.0.0.1/x.pdf"})
    outside = tmp_path / "outside.pdf"
    outside.write_bytes(b"%PDF-1.7")
    link = root / "link.pdf"
    link.symlink_to(outside)
    page = root / "page.pdf"
    page.write_text("<html>no PDF</html>")
    nowhere = f"http://127.0.0.1:{free_port()}/x.pdf"
    cases = {
        "FILE_NOT_FOUND": {"filename": str(root / "missing.pdf")},
        "FILE_OUTSIDE_ROOTS": {"filename": str(link)},
        "PDF_INVALID": {"filename": str(page)},
        "FETCH_FAILED": {"url": nowhere},
        "URL_REFUSED": {"url": receiver.url("/x.pdf")},
    }
    ids = {
        code: client.submit("pdf", parameters, max_attempts=1) for code, parameters in cases.items()
    }
    for code, job_id in ids.items():
        job = client.wait(job_id, timeout_sec=60)
        assert (job["status"], job["error"]["code"]) == ("failed", code)
        assert job["error"]["message"]
    job = client.wait(client.submit("pdf", {"filename": str(pdf(root))}), timeout_sec=60)
    assert "Grüße" in job["results"]["extracted_text"]
    assert stack.workers[0].running
