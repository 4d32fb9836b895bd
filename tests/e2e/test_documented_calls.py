"""The documented example calls, with changed values only for key, paths and the page's URL."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import pdf_samples
from support.conference import PAGES, PDF, SAID, SPEAKERS, conference, split, targets

from secretary_devstack.processes.stack import Stack
from secretary_devstack.provider import ChatReply, FakeProvider
from secretary_devstack.provider.answers import example
from secretary_devstack.servers.http_server import HttpServer
from secretary_devstack.servers.receiver import Receiver

JsonObject = dict[str, Any]

PDF_CALL = """
{
  "job_type": "pdf",
  "parameters": {
    "filename": "/path/to/document.pdf",
    "extraction_method": "combined",
    "template": "MeetingMinutes",
    "include_images": true,
    "webhook": {
      "url": "https://example.com/webhook",
      "token": "webhook_auth_token",
      "jobId": "client_job_id"
    }
  }
}
"""
SESSION_CALL = """
{
  "job_type": "session",
  "parameters": {
    "event": "Conference 2024",
    "session": "Keynote",
    "url": "https://example.com/session",
    "filename": "keynote.md",
    "track": "Main Track"
  }
}
"""
TRANSFORMER_CALL = """
{
  "job_type": "transformer",
  "parameters": {
    "text": "Meeting notes...",
    "template": "MeetingMinutes",
    "context": {
      "meeting_date": "2024-01-01",
      "participants": ["Alice", "Bob"]
    }
  }
}
"""
FOUND = {
    "participants": ["Alice", "Bob"],
    "summary": "They met.",
    "tasks": [{"task": "Call the library", "who": "Bob", "due": "2024-01-08"}],
    "tags": ["leases"],
    "key_points": ["Sie enden."],
}


class Model:
    """Finds ``FOUND`` in every text. For a text that contains *held* it waits for ``released``."""

    def __init__(self, held: str) -> None:
        self._held = held
        self.released = threading.Event()

    def __call__(self, request: JsonObject) -> ChatReply:
        if self._held in request["messages"][-1]["content"]:
            assert self.released.wait(30)
        schema = request["response_format"]["json_schema"]["schema"]
        found = {name: FOUND.get(name, value) for name, value in example(schema).items()}
        return ChatReply(json.dumps(found))


def call(text: str, **paths: Any) -> JsonObject:
    """Return the documented body with these *paths*."""
    body: JsonObject = json.loads(text)
    body["parameters"] |= paths
    return body


def test_the_three_documented_calls_give_the_documented_results(
    start_stack: Callable[..., Stack], receiver: Receiver, tmp_path: Path
) -> None:
    path = tmp_path / "document.pdf"
    path.write_bytes(pdf_samples.text_pdf([pdf_samples.PROSE], author="Käthe Müller"))
    model = Model(held=pdf_samples.PROSE[0])
    with HttpServer(conference, name="conference") as site, FakeProvider(reply=model) as provider:
        stack = start_stack(
            {
                "llm.base_url": provider.base_url,
                "llm.api_key": provider.key,
                "llm.model": "model-1",
                "generic_worker.poll_interval_sec": 0.2,
                "notifier.poll_interval_sec": 0.2,
            }
        )
        hook = {**json.loads(PDF_CALL)["parameters"]["webhook"], "url": receiver.url()}
        with stack.client() as client:
            pdf_id, session_id, transformer_id = (
                client.submit(**body)
                for body in (
                    call(PDF_CALL, filename=str(path), webhook=hook),
                    call(SESSION_CALL, url=site.url("/talk")),
                    call(TRANSFORMER_CALL),
                )
            )
            applying = client.wait(
                pdf_id,
                timeout_sec=30,
                until=lambda job: (job["progress"] or {}).get("step") == "applying_template",
            )["progress"]
            model.released.set()
            pdf, session, transformer = (
                client.wait(job_id, timeout_sec=60)
                for job_id in (pdf_id, session_id, transformer_id)
            )
            archive = client.http.get(f"/api/jobs/{session_id}/download-archive").content
            images = client.http.get(f"/api/jobs/{pdf_id}/download-archive").content
        received = receiver.wait_for(
            lambda got: got[-1:] != [] and got[-1].json["phase"] != "processing",
            timeout_sec=20,
            what="the webhook",
        )
        assert provider.violations == []
    assert applying["percent"] == 80
    check_pdf(pdf, images)
    check_webhook(received[-1].json, received[-1].headers, pdf)
    check_session(session, archive)
    check_transformer(transformer)


def check_pdf(job: JsonObject, archive: bytes) -> None:
    assert job["status"] == "completed", job["error"]
    results = job["results"]
    assert pdf_samples.PROSE[0] in results["extracted_text"]
    for part in (results, results["structured_data"]):
        assert (part["metadata"]["page_count"], part["metadata"]["author"]) == (1, "Käthe Müller")
        assert part["metadata"]["text_contents"][0]["page"] == 1
        assert part["template_fields"]["participants"] == ["Alice", "Bob"]
        assert part["images_archive_filename"] == f"{job['job_id']}.zip"
    template = results["template"]
    assert template["name"] == "MeetingMinutes_en"
    front, body = split(template["text"])
    assert front["participants"] == ["Alice", "Bob"]
    assert "They met." in body
    assert "| Call the library | Bob | 2024-01-08 |" in body
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["page_0001.jpg"]


def check_webhook(body: JsonObject, headers: Any, job: JsonObject) -> None:
    assert (body["phase"], body["message"]) == ("completed", "Processing completed")
    assert body["data"] == job["results"]
    assert body["job"] == {"id": "client_job_id"}
    assert headers["authorization"] == "Bearer webhook_auth_token"


def check_session(job: JsonObject, archive: bytes) -> None:
    assert job["status"] == "completed", job["error"]
    results = job["results"]
    assert results["warnings"] == []
    assert results["markdown_file"] == "keynote.md"
    assert results["video_transcript"] == SAID
    assert results["page_texts"] == PAGES
    assert results["target_dir"] == "sessions/Conference-2024/de/Main-Track"
    front, body = split(results["markdown_content"])
    given = (front["event"], front["title"], front["track"])
    assert given == ("Conference 2024", "Keynote", "Main Track")
    assert (front["speakers"], front["date"]) == (SPEAKERS, "2026-01-31")
    assert "- Sie enden." in body
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.testzip() is None
        assert sorted(files.namelist()) == sorted(["keynote.md", *results["assets"]])
        assert files.read("keynote.md").decode() == results["markdown_content"]
        assert files.read("slides.pdf") == PDF
        linked = [target for target in targets(body) if "://" not in target]
        assert linked == ["slides.pdf", "slides-0001.jpg", "slides-0002.jpg"]
        assert all(files.read(name) for name in linked)


def check_transformer(job: JsonObject) -> None:
    assert job["status"] == "completed", job["error"]
    results = job["results"]
    front, body = split(results["transformed_text"])
    assert front["participants"] == results["template_fields"]["participants"] == ["Alice", "Bob"]
    assert results["template_fields"]["summary"] == "They met."
    assert "They met." in body
    assert results["llm"]["requests"] == 1
    assert job["usage"]["tokens"]
