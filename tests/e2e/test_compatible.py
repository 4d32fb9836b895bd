"""Clients of docling-serve and Open WebUI against the whole system: the requests that they send.

``make extras`` runs docling's own client too. Open WebUI sends its requests with ``requests``; the
fields, the headers and their order are those of its loaders.
"""

from __future__ import annotations

import base64
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from support.format_samples import SAMPLES, WORD
from support.pdf_samples import (
    PROSE,
    REPORT_TITLE,
    illustrated_pdf,
    mixed_pdf,
    report_pdf,
    text_pdf,
)

from secretary_devstack.processes.stack import Stack

QUICK = {"generic_worker.poll_interval_sec": 0.2}
PDF = "application/pdf"
ANSWER_SEC = 120
PAGE_BREAK = "\f"


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    return start_shared_stack(QUICK)


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=ANSWER_SEC) as client:
        yield client


@pytest.fixture
def key(stack: Stack) -> str:
    with stack.client() as admin:
        made = admin.http.post("/api/keys", json={"name": "a client"})
        return str(made.json()["data"]["key"])


def jobs_of(stack: Stack, key: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{stack.url}/api/jobs/", headers=headers).raise_for_status()
    jobs: list[dict[str, Any]] = answer.json()["data"]["jobs"]
    return jobs


def open_webui_docling(http: httpx.Client, key: str, content: bytes, name: str) -> Any:
    """Send what Open WebUI sends with the engine docling."""
    fields = {
        "image_export_mode": "placeholder",
        "md_page_break_placeholder": PAGE_BREAK,
        "to_formats": ["md", "json"],
        "ocr_lang": "en,de",
        "table_mode": "accurate",
    }
    answer = http.post(
        "/v1/convert/file",
        files={"files": (name, content, PDF)},
        data=fields,
        headers={"X-Api-Key": key},
    )
    return answer.raise_for_status().json()


def open_webui_external(http: httpx.Client, key: str, content: bytes, name: str) -> httpx.Response:
    """Send what Open WebUI sends with the engine external."""
    headers = {
        "Content-Type": PDF,
        "Authorization": f"Bearer {key}",
        "X-Filename": quote(name),
        "X-OpenWebUI-User-Name": "Ada",
        "X-OpenWebUI-User-Id": "user-1",
    }
    return http.put("/process", content=content, headers=headers)


def test_open_webui_with_docling_gets_pages_with_their_numbers(
    stack: Stack, http: httpx.Client, key: str
) -> None:
    answer = open_webui_docling(http, key, mixed_pdf(), "mixed.pdf")
    assert (answer["status"], answer["errors"]) == ("success", [])
    document = answer["document"]
    pages = document["md_content"].split(PAGE_BREAK)
    layout = document["json_content"]
    numbers = {
        one["prov"][0]["page_no"] for one in layout["texts"] if one["content_layer"] == "body"
    }
    assert sorted(numbers) == [1, 2]  # the third page is blank
    assert [PROSE[0] in page for page in pages] == [True, True]
    (job,) = jobs_of(stack, key)
    assert (job["job_name"], job["tags"]) == ("mixed.pdf", ["docling"])
    with stack.client() as admin:
        stored = admin.job(job["job_id"])["parameters"]
    assert (stored["language"], stored["extraction_method"]) == (["eng", "deu"], "combined")


def test_open_webuis_external_loader_gets_a_document_for_each_page(
    stack: Stack, http: httpx.Client, key: str
) -> None:
    answer = open_webui_external(http, key, report_pdf(), "Bericht ü.pdf")
    documents = answer.raise_for_status().json()
    assert [one["metadata"]["page"] for one in documents] == [0, 1, 2]
    assert REPORT_TITLE in documents[0]["page_content"]
    metadata = documents[1]["metadata"]
    assert (metadata["source"], metadata["total_pages"]) == ("Bericht ü.pdf", 3)
    (job,) = jobs_of(stack, key)
    assert (job["user_id"], job["tags"]) == ("user-1", ["open-webui"])
    assert metadata["job_id"] == job["job_id"]

    archive = open_webui_external(http, key, SAMPLES["zip"](), "all.zip").json()
    assert [one["metadata"]["source"] for one in archive] == ["a.txt", "b/c.html"]


def test_open_webui_learns_why_a_file_cannot_be_read(http: httpx.Client, key: str) -> None:
    rar = b"Rar!\x1a\x07\x01\x00" + bytes(100)
    refused = open_webui_external(http, key, rar, "a.rar")
    assert (refused.status_code, "RAR" in refused.json()["detail"]) == (422, True)
    blank = open_webui_external(http, key, text_pdf([""]), "blank.pdf")
    assert (blank.status_code, "No extractable text" in blank.json()["detail"]) == (422, True)
    broken = open_webui_docling(http, key, b"%PDF-1.7\nbroken", "broken.pdf")
    assert (broken["status"], broken["document"]["md_content"]) == ("failure", None)
    assert "PDF_INVALID" in broken["errors"][0]["error_message"]


def test_doclings_client_submits_polls_and_fetches(
    stack: Stack, http: httpx.Client, key: str
) -> None:
    http.headers.update({"X-Api-Key": key, "Accept-Docling-Document-Version": "1.10.0"})
    file = {"files": ("report.pdf", report_pdf(), PDF)}
    wanted = {"to_formats": ["md", "json"], "page_range": ["2", "9223372036854775807"]}
    first = http.post("/v1/convert/file/async", files=file, data=wanted | {"target_type": "inbody"})
    task = first.raise_for_status().json()
    state = http.get(f"/v1/status/poll/{task['task_id']}", params={"wait": 60.0}).json()
    assert (state["task_id"], state["task_status"]) == (task["task_id"], "success")
    assert state["task_meta"] == {
        "num_docs": 1, "num_processed": 1, "num_succeeded": 1, "num_failed": 0,
    }  # fmt: skip
    answer = http.get(f"/v1/result/{task['task_id']}").raise_for_status().json()
    layout = answer["document"]["json_content"]
    assert (layout["schema_name"], list(layout["pages"])) == ("DoclingDocument", ["2", "3"])
    assert layout["tables"][0]["data"]["num_rows"] == 3
    assert answer["document"]["filename"] == layout["origin"]["filename"] == "report.pdf"
    assert answer["processing_time"] > 0

    presigned = http.post(
        "/v1/convert/file/async", data={"target_type": "presigned_url"}, files=file
    )
    assert (presigned.status_code, isinstance(presigned.json()["detail"], str)) == (422, True)
    assert len(jobs_of(stack, key)) == 1


def test_several_files_are_one_task_with_a_job_each_and_a_zip(
    stack: Stack, http: httpx.Client, key: str
) -> None:
    sources = [
        {"kind": "file", "base64_string": base64.b64encode(content).decode(), "filename": name}
        for name, content in (("a.docx", SAMPLES["docx"]()), ("b.pdf", illustrated_pdf()))
    ]
    options = {"to_formats": ["md", "html", "text", "json"], "image_export_mode": "referenced"}
    body = {"sources": sources, "options": options, "target": {"kind": "zip"}}
    answer = http.post("/v1/convert/source", json=body, headers={"Authorization": f"Bearer {key}"})
    assert answer.headers["content-type"] == "application/zip", answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        word = archive.read("001_a/a.md").decode()
        picture = next(name for name in names if name.endswith(".png"))
        markdown = archive.read("002_b/b.md").decode()
        text = archive.read("002_b/b.txt").decode()
    assert {f"001_a/a.{ending}" for ending in ("md", "html", "txt", "json")} <= set(names)
    assert WORD in word
    assert f"]({picture.rpartition('/')[2]})" in markdown
    assert PROSE[0] in text
    assert "--- Page" not in text
    assert len({job["batch_id"] for job in jobs_of(stack, key)}) == 1


def test_pictures_are_embedded_where_the_client_wants_it(http: httpx.Client, key: str) -> None:
    answer = http.post(
        "/v1/convert/file",
        files={"files": ("b.pdf", illustrated_pdf(), PDF)},
        data={"image_export_mode": "embedded", "to_formats": "md,html,json"},
        headers={"X-Api-Key": key},
    )
    document = answer.raise_for_status().json()["document"]
    (picture,) = document["json_content"]["pictures"]
    uri = picture["image"]["uri"]
    assert uri.startswith("data:image/png;base64,")
    assert f"]({uri})" in document["md_content"]
    assert f'src="{uri}"' in document["html_content"]


def test_the_same_file_at_once_is_one_job_and_keys_are_apart(
    stack: Stack, http: httpx.Client, key: str
) -> None:
    content = report_pdf() + b"%"
    answers: list[Any] = []

    def send() -> None:
        answers.append(open_webui_external(http, key, content, "a.pdf").json())

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one[0]["metadata"]["job_id"] for one in answers}) == 1
    (job,) = jobs_of(stack, key)
    with stack.client() as admin:
        other = str(admin.http.post("/api/keys", json={"name": "b"}).json()["data"]["key"])
    foreign = http.get(f"/v1/result/{job['job_id']}", headers={"X-Api-Key": other})
    assert (foreign.status_code, foreign.json()) == (404, {"detail": "Task not found."})
    theirs = open_webui_external(http, other, content, "a.pdf").json()
    assert theirs[0]["metadata"]["job_id"] != job["job_id"]


def test_a_long_document_whose_results_are_in_a_file_is_answered_whole(
    http: httpx.Client, key: str
) -> None:
    lines = [f"Paragraph {number} of a long text." for number in range(12_000)]
    content = "\n\n".join(lines).encode()
    assert len(content) > 350_000
    answer = http.post(
        "/v1/convert/file",
        files={"files": ("long.txt", content, "text/plain")},
        data={"to_formats": ["md", "json", "text"]},
        headers={"X-Api-Key": key},
    )
    document = answer.raise_for_status().json()["document"]
    assert [one["text"] for one in document["json_content"]["texts"]] == lines
    assert document["md_content"].split("\n\n") == lines
    assert document["text_content"].split("\n") == lines
    pages = open_webui_external(http, key, content, "long.txt").json()
    assert "".join(one["page_content"] for one in pages).count("Paragraph") == len(lines)
