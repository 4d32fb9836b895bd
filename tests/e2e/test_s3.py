"""Jobs that read from a store and write to it, with real processes and a real S3 server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import pdf_samples

from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.receiver import Received, Receiver
from secretary_devstack.servers.s3_server import S3Server

SECRET = "whsec_" + "A" * 32
PDF = pdf_samples.report_pdf()


def settings_for(server: S3Server, **more: Any) -> dict[str, Any]:
    connection = server.connection("documents", "results")
    return {
        "s3.connections": {"local": connection},
        "generic_worker.poll_interval_sec": 0.2,
        **more,
    }


def the_end(requests: list[Received]) -> bool:
    return any(request.json["phase"] == "completed" for request in requests)


def test_a_pdf_from_a_store_is_written_to_a_store_and_reported_by_webhook(
    start_stack: Callable[..., Stack], receiver: Receiver, tmp_path: Path
) -> None:
    with S3Server(tmp_path) as server:
        for bucket in ("documents", "results"):
            server.make_bucket(bucket)
        boto = server.client()
        boto.put_object(Bucket="documents", Key="2026/Bericht ü.pdf", Body=PDF)
        stack = start_stack(settings_for(server))
        with stack.client() as client:
            parameters = {
                "url": "s3://documents/2026/Bericht ü.pdf",
                "output": ["markdown", "json"],
                "webhook": {"url": receiver.url(), "secret": SECRET},
            }
            job_id = client.submit("pdf", parameters, target="s3://results/pdf")
            job = client.wait(job_id, timeout_sec=60)
            refused = client.http.post(
                "/api/jobs/",
                json={"job_type": "pdf", "parameters": {"url": "s3://elsewhere/a.pdf"}},
            )
            gone_id = client.submit("pdf", {"url": "s3://documents/gone.pdf"})
            gone = client.wait(gone_id, timeout_sec=60)
        assert job["status"] == "completed", job["error"]
        assert job["results"]["metadata"]["file_name"] == "Bericht ü.pdf"
        assert job["results"]["metadata"]["sha256"] == hashlib.sha256(PDF).hexdigest()
        assert job["target"] == "s3://results/pdf/"
        assert refused.json()["error"]["code"] == "S3_BUCKET_REFUSED"
        assert gone["error"]["code"] == "S3_OBJECT_NOT_FOUND"

        written = _objects(boto, "results")
        prefix = f"pdf/{job_id}/"
        names = {f"{prefix}files/{file['name']}" for file in job["files"]}
        assert set(written) == {f"{prefix}results.json", *names}
        assert {"document.md", "document.json"} <= {file["name"] for file in job["files"]}
        assert json.loads(written[f"{prefix}results.json"]) == job["results"]
        for file in job["files"]:
            content = written[f"{prefix}files/{file['name']}"]
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
        boto.close()
    ended = receiver.wait_for(the_end, timeout_sec=20, what="the webhook")[-1]
    assert ended.signature_fault(SECRET) is None
    assert ended.json["data"] == job["results"]


@pytest.mark.drill
def test_a_file_that_was_sent_past_the_api_is_read_by_a_job(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    with S3Server(tmp_path, verifies=False) as server:
        server.make_bucket("documents")
        stack = start_stack(settings_for(server, **{"s3.uploads": "s3://documents/up/"}))
        with stack.client() as client:
            wanted = {"filename": "a.pdf", "size": len(PDF), "content_type": "application/pdf"}
            made = client.http.post("/api/files/presign", json=wanted).json()["data"]
            sent = httpx.request(made["method"], made["url"], content=PDF, headers=made["headers"])
            assert sent.status_code == 200, sent.text
            job = client.wait(client.submit("pdf", {"url": made["source"]}), timeout_sec=60)
            never = client.http.post("/api/files/presign", json=wanted).json()["data"]
            missing = client.wait(client.submit("pdf", {"url": never["source"]}), timeout_sec=60)
    assert job["status"] == "completed", job["error"]
    assert missing["error"]["code"] == "S3_OBJECT_NOT_FOUND"


def _objects(boto: Any, bucket: str) -> dict[str, bytes]:
    keys = [one["Key"] for one in boto.list_objects_v2(Bucket=bucket)["Contents"]]
    return {key: boto.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
