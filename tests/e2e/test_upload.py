"""An upload that a job names and a worker reads, with real processes."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import httpx
import pytest
from support import pdf_samples

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack


@pytest.fixture(scope="module")
def stack(start_shared_stack: Any) -> Stack:
    started: Stack = start_shared_stack({"generic_worker.poll_interval_sec": 0.2})
    return started


def upload(http: httpx.Client, content: bytes, name: str) -> dict[str, Any]:
    answer = http.post("/api/files", files={"file": (name, content, "application/pdf")})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def key_of(http: httpx.Client) -> str:
    return str(http.post("/api/keys", json={"name": "another"}).json()["data"]["key"])


def test_an_uploaded_pdf_is_read_for_its_owner_and_admins(stack: Stack) -> None:
    pdf = pdf_samples.report_pdf()
    with (
        stack.client() as admin,
        JobClient(stack.url, key_of(admin.http)) as mine,
        JobClient(stack.url, key_of(admin.http)) as other,
    ):
        uploaded = upload(mine.http, pdf, "Bericht ü.pdf")
        assert uploaded["sha256"] == hashlib.sha256(pdf).hexdigest()
        source = {"file_id": uploaded["file_id"]}

        refused = other.http.post("/api/jobs/", json={"job_type": "pdf", "parameters": source})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "FILE_NOT_FOUND")

        for client in (mine, admin):
            job = client.wait(client.submit("pdf", source), timeout_sec=60)
            assert (job["status"], job["attempt"]) == ("completed", 1), job["error"]
            metadata = job["results"]["metadata"]
            assert (metadata["file_name"], metadata["file_size"]) == ("Bericht ü.pdf", len(pdf))
            assert metadata["title"] == pdf_samples.REPORT_TITLE

        text = upload(mine.http, b"<html>no pdf</html>", "a.pdf")
        job = mine.wait(mine.submit("pdf", {"file_id": text["file_id"]}), timeout_sec=60)
        assert (job["status"], job["error"]["code"]) == ("failed", "PDF_INVALID")


def test_a_users_own_handler_reads_an_upload(stack: Stack) -> None:
    content = os.urandom(3_000_000)
    with (
        stack.client() as admin,
        JobClient(stack.url, key_of(admin.http)) as mine,
        JobClient(stack.url, key_of(admin.http)) as other,
    ):
        uploaded = upload(mine.http, content, "Daten ü.bin")
        source = {"file_id": uploaded["file_id"]}
        refused = other.http.post("/api/jobs/", json={"job_type": "measure", "parameters": source})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "FILE_NOT_FOUND")
        for client in (mine, admin):
            job = client.wait(client.submit("measure", source), timeout_sec=60)
            assert (job["status"], job["attempt"]) == ("completed", 1), job["error"]
            assert job["results"] == {
                "name": "Daten ü.bin",
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
