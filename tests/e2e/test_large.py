"""Large results, files and logs with real processes, and their removal."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import MongoClient

from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import Service
from secretary_devstack.servers.receiver import Receiver

pytestmark = pytest.mark.drill


MEGABYTES = 40
SIZE = MEGABYTES * 1_000_000


def peak_memory(service: Service) -> int:
    """Return the peak memory of the process, in bytes."""
    lines = Path(f"/proc/{service.child.pid}/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def test_results_of_40_mb_are_stored_streamed_and_announced_by_webhook(
    start_stack: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in the worker's image. Without it, memory that each thread has freed counts as used.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "524288")
    stack = start_stack()
    idle = {service.name: peak_memory(service) for service in stack.services}
    with stack.client() as client:
        job_id = client.submit(
            "large", {"megabytes": MEGABYTES, "webhook": {"url": receiver.url()}}
        )
        job = client.wait(job_id, timeout_sec=90)
        assert (job["status"], job["attempt"], job["results"]) == ("completed", 1, None)

        before = peak_memory(stack.api)
        received = 0
        start = b""
        with client.http.stream("GET", job["results_url"], timeout=60) as answer:
            for piece in answer.iter_bytes():
                received += len(piece)
                start = (start + piece)[:200]
        envelope = {"job_id": job_id, "status": "completed", "results": {"text": ""}}
        expected = json.dumps({"status": "success", "data": envelope}, separators=(",", ":"))
        assert received == len(expected) + SIZE
        assert start.startswith(expected.encode()[:-4])
        assert peak_memory(stack.api) - before < SIZE

        requests = receiver.wait_for(
            lambda got: any(one.json["phase"] == "completed" for one in got),
            timeout_sec=30,
            what="the completion webhook",
        )
        (event,) = (one.json for one in requests if one.json["phase"] == "completed")
        assert "data" not in event
        grown = {one.name: peak_memory(one) - idle[one.name] for one in stack.services}
        assert grown["secretary-notifier-1"] < SIZE / 2
        # The worker holds the handler's value, but never the whole of its JSON in addition.
        assert grown["secretary-worker-1"] < 2 * SIZE
        assert urlsplit(event["data_url"]).path == job["results_url"]


def test_files_of_a_handler_are_downloaded_one_by_one_and_as_an_archive(start_stack: Any) -> None:
    stack = start_stack()
    with stack.client() as client:
        job_id = client.submit("large", {"megabytes": 1})
        job = client.wait(job_id, timeout_sec=60)
        assert [(file["name"], file["content_type"]) for file in job["files"]] == [
            ("on-disk.bin", "application/octet-stream"),
            ("ü.txt", "text/plain; charset=utf-8"),
        ]
        contents = {}
        for file in job["files"]:
            answer = client.http.get(file["url"])
            assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
            assert int(answer.headers["content-length"]) == file["size"] == len(answer.content)
            contents[file["name"]] = answer.content
        archive = client.http.get(f"/api/jobs/{job_id}/download-archive")
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            assert {name: opened.read(name) for name in opened.namelist()} == contents


def test_a_hundred_thousand_log_lines_do_not_disturb_other_jobs(
    start_stack: Any, mongo_url: str, database_name: str
) -> None:
    stack = start_stack({"generic_worker.max_concurrent": 2})
    with stack.client() as client, MongoClient[dict[str, Any]](mongo_url) as mongo:
        chatty = client.submit("chatty", {"lines": 100_000})
        others = [client.submit("nap", {"seconds": 0.1}) for _ in range(10)]
        assert all(client.wait(one, timeout_sec=60)["attempt"] == 1 for one in others)
        job = client.wait(chatty, timeout_sec=120)
        assert (job["status"], job["attempt"]) == ("completed", 1)
        assert [entry["seq"] for entry in job["logs"]] == list(range(99_900, 100_000))

        database = mongo[database_name]
        database.command("profile", 2)
        path = f"/api/jobs/{chatty}/logs"
        first = page(client.http, f"{path}?limit=1000")
        assert [entry["seq"] for entry in first["logs"]] == list(range(1000))
        deep = page(client.http, f"{path}?limit=1000&after=1:89999")
        assert (len(deep["logs"]), deep["next"]) == (1000, "1:90999")
        errors = page(client.http, f"{path}?level=warning")
        assert [entry["seq"] for entry in errors["logs"]] == list(range(0, 100_000, 10_000))
        client.job(chatty)
        database.command("profile", 0)
        asked = list(database["system.profile"].find({"ns": f"{database_name}.job_logs"}))
        assert [one["op"] for one in asked].count("query") == 4
        given = 1000 + 1000 + 10 + 100
        assert sum(one["docsExamined"] for one in asked) <= given + 4 * 5


def page(http: httpx.Client, path: str) -> Any:
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_an_expired_or_deleted_job_is_removed_with_all_its_documents(
    start_stack: Any, mongo_url: str, database_name: str
) -> None:
    settings = {
        "worker.lease_sec": 2,
        "worker.heartbeat_sec": 0.5,
        "retention.finished_days": 3 / 24 / 3600,
        "retention.sweep_interval_sec": 1,
    }
    stack = start_stack(settings)
    with stack.client() as client, MongoClient[dict[str, Any]](mongo_url) as mongo:
        job_id = client.submit("large", {"megabytes": 1})
        assert client.wait(job_id, timeout_sec=60)["status"] == "completed"
        deleted = client.submit("chatty", {"lines": 5000})
        client.wait(deleted, timeout_sec=60)
        assert client.http.delete(f"/api/jobs/{deleted}").status_code == 200
        collections = ("jobs", "job_logs", "files", "fs.files", "fs.chunks")
        database = mongo[database_name]
        wait_until(
            lambda: sum(database[name].estimated_document_count() for name in collections) == 0,
            timeout_sec=90,
            what="an empty database",
        )
        assert client.http.get(f"/api/jobs/{job_id}").status_code == 404
        assert database["locks"].count_documents({}) == 1
    started = time.monotonic()
    assert stack.workers[0].stop()
    assert time.monotonic() - started < 20
    with MongoClient[dict[str, Any]](mongo_url) as mongo:
        assert mongo[database_name]["locks"].count_documents({}) == 0
