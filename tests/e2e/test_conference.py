"""A talk documented from its URL, without any provider, and addresses that no job may reach."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

from support.conference import PAGES, SAID, SPEAKERS, STEM, TITLE, conference, split, targets

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.http_server import HttpServer

REFUSED_AT_ONCE: list[tuple[str, dict[str, Any], str]] = [
    ("session", {"url": "http://127.0.0.1/", "filename": "../../x"}, "VALIDATION_ERROR"),
    ("session", {"url": "http://127.0.0.1/", "template": "../../etc/passwd"}, "VALIDATION_ERROR"),
    ("transformer", {"text": "x", "template": "../../etc/passwd"}, "VALIDATION_ERROR"),
    ("pdf", {"filename": "../../x"}, "FILE_OUTSIDE_ROOTS"),
    ("pdf", {"filename": "a.pdf", "template": "../../etc/passwd"}, "VALIDATION_ERROR"),
    ("session", {"url": "http://169.254.169.254/latest"}, "URL_REFUSED"),
]


def test_a_talk_is_documented_from_its_url_and_no_forbidden_address_is_reached(
    start_stack: Callable[..., Stack],
) -> None:
    stack = start_stack({"generic_worker.poll_interval_sec": 0.2})
    with HttpServer(conference, name="conference") as site, stack.client() as client:
        for job_type, parameters, code in REFUSED_AT_ONCE:
            body = {"job_type": job_type, "parameters": parameters}
            answer = client.http.post("/api/jobs/", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, code), parameters
        check_talk(client, site)
        for path, code in (("/inside", "URL_REFUSED"), ("/gigabyte", "FILE_TOO_LARGE")):
            for job_type, more in (("session", {}), ("transformer", {"template": "Summary"})):
                job_id = client.submit(job_type, {"url": site.url(path), **more})
                job = client.wait(job_id, timeout_sec=30)
                assert (job["status"], job["error"]["code"]) == ("failed", code)


def check_talk(client: JobClient, site: HttpServer) -> None:
    job_id = client.submit("session", {"url": site.url("/talk")})
    job = client.wait(job_id, timeout_sec=60)
    archive = client.http.get(f"/api/jobs/{job_id}/download-archive").content
    assert job["status"] == "completed", job["error"]
    results = job["results"]
    # No model is configured to fill in the fields of the template.
    assert [one["code"] for one in results["warnings"]] == ["LLM_NOT_CONFIGURED"]
    assert results["video_transcript"] == SAID
    front, body = split(results["markdown_content"])
    facts = (front["title"], front["speakers"], front["track"], front["date"], front["start"])
    assert facts == (TITLE, SPEAKERS, "H.1301", "2026-01-31", "09:30")
    assert all(text in body for text in PAGES)
    outside = [target for target in targets(body) if "://" in target]
    assert outside == [site.url(path) for path in ("/slides.pdf", "/talk.vtt", "/talk.mp4")]
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.testzip() is None
        assert sorted(files.namelist()) == sorted([f"{STEM}.md", *results["assets"]])
        linked = [target for target in targets(body) if "://" not in target]
        assert linked == results["assets"]
        assert all(files.read(name) for name in linked)
