"""Files of all formats through the whole system: by upload, by URL and from a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from support.format_samples import SAMPLES, WORD, mail
from support.office_samples import zipped

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.http_server import HttpServer
from secretary_devstack.servers.receiver import Received, Receiver
from secretary_devstack.servers.s3_server import S3Server

QUICK = {"generic_worker.poll_interval_sec": 0.2, "notifier.poll_interval_sec": 0.2}
OUTPUTS = ["markdown", "json"]
JOB_SEC = 120.0
BUCKET = "documents"


def site(files: dict[str, bytes]) -> Callable[[], web.Application]:
    """Return a function that makes a server of *files*, which sends no content types."""

    async def send(request: web.Request) -> web.Response:
        return web.Response(body=files[request.match_info["name"]])

    def make() -> web.Application:
        app = web.Application()
        app.router.add_get("/{name}", send)
        return app

    return make


def upload(client: JobClient, content: bytes) -> str:
    # The name says nothing, or even something wrong.
    answer = client.http.post("/api/files", files={"file": ("file.pdf", content, "text/plain")})
    return str(answer.raise_for_status().json()["data"]["file_id"])


def results_of(client: JobClient, job_id: str) -> dict[str, Any]:
    job = client.wait(job_id, timeout_sec=JOB_SEC)
    assert job["status"] == "completed", job["error"]
    answer = client.http.get(f"/api/jobs/{job_id}/results").raise_for_status()
    results: dict[str, Any] = answer.json()["data"]["results"]
    return results


def phases(requests: list[Received], path: str) -> list[str]:
    return [one.json["phase"] for one in requests if one.path == path]


def store(server: S3Server, files: dict[str, bytes]) -> None:
    boto = server.client()
    try:
        for name, content in files.items():
            boto.put_object(Bucket=BUCKET, Key=name, Body=content, ContentType="text/plain")
    finally:
        boto.close()


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack], s3_server: S3Server) -> Stack:
    return start_shared_stack({**QUICK, "s3.connections": {"local": s3_server.connection(BUCKET)}})


@pytest.mark.drill
def test_a_file_of_each_format_is_read_by_upload_by_url_and_from_a_store(
    stack: Stack, s3_server: S3Server, receiver: Receiver
) -> None:
    files = {name: make() for name, make in SAMPLES.items()}
    store(s3_server, files)
    with HttpServer(site(files), name="files") as server:
        with stack.client() as client:
            jobs = {}
            for name, content in files.items():
                for way, source in {
                    "upload": {"file_id": upload(client, content)},
                    "url": {"url": server.url(f"/{name}")},
                    "store": {"url": f"s3://{BUCKET}/{name}"},
                }.items():
                    hook = {"url": receiver.url(f"/{name}/{way}")}
                    parameters = {**source, "output": OUTPUTS, "webhook": hook}
                    jobs[hook["url"]] = name, client.submit("document", parameters)
            read = {url: (name, results_of(client, job)) for url, (name, job) in jobs.items()}
            for name, job_id in jobs.values():
                if name != "zip":
                    for file in ("document.md", "document.json"):
                        client.http.get(f"/api/jobs/{job_id}/files/{file}").raise_for_status()
        paths = [url.removeprefix(receiver.url("")) for url in read]
        requests = receiver.wait_for(
            lambda got: all(phases(got, path)[-1:] == ["completed"] for path in paths),
            timeout_sec=60,
            what="the last webhook of each job",
        )

    for name, results in read.values():
        assert results["metadata"]["format"] == name
        assert WORD in results["extracted_text"], name
        outputs = [one["outputs"] for one in results["documents"] if "outputs" in one]
        assert all(set(one) == set(OUTPUTS) for one in outputs)
    # A job that ends at once has no progress to send.
    assert any("processing" in phases(requests, path) for path in paths), "progress is sent too"


def test_a_mail_with_three_attachments_gives_four_documents(stack: Stack) -> None:
    names = ("docx", "xlsx", "pdf")
    content = mail(*((f"file.{name}", SAMPLES[name]()) for name in names))
    with stack.client() as client:
        job_id = client.submit("document", {"file_id": upload(client, content)})
        documents = results_of(client, job_id)["documents"]
    assert [one["format"] for one in documents] == ["eml", *names]
    assert all(WORD in one["extracted_text"] for one in documents)


def test_an_archive_of_a_hundred_files_shows_its_progress_by_file(stack: Stack) -> None:
    files = {f"{number:03}.txt": f"{WORD} {number}" for number in range(1, 101)}
    seen: list[str] = []
    with stack.client() as client:
        job_id = client.submit("document", {"file_id": upload(client, zipped(files))})
        job = client.wait(
            job_id,
            timeout_sec=JOB_SEC,
            on_poll=lambda job: seen.append((job["progress"] or {}).get("message") or ""),
        )
        results = results_of(client, job_id)
    assert job["attempt"] == 1
    assert len(results["documents"]) == 101
    assert [one["extracted_text"] for one in results["documents"][1:]] == list(files.values())
    counted = {message for message in seen if " of 100: " in message}
    assert len(counted) > 1, seen


def test_a_program_is_refused_with_what_it_is(stack: Stack, s3_server: S3Server) -> None:
    program = b"\x7fELF\x02\x01\x01" + bytes(99)
    store(s3_server, {"program": program})
    with HttpServer(site({"program": program}), name="program") as server, stack.client() as client:
        body = {"job_type": "document", "parameters": {"file_id": upload(client, program)}}
        refused = client.http.post("/api/jobs/", json=body)
        # The API does not fetch files, so the worker refuses these.
        sources = (f"s3://{BUCKET}/program", server.url("/program"))
        ids = [client.submit("document", {"url": source}) for source in sources]
        jobs = [client.wait(job_id, timeout_sec=JOB_SEC) for job_id in ids]
    assert refused.status_code == 422
    assert [job["status"] for job in jobs] == ["failed", "failed"]
    for error in (refused.json()["error"], *(job["error"] for job in jobs)):
        assert error["code"] == "UNSUPPORTED_MEDIA"
        assert "a program (ELF)" in error["message"]
