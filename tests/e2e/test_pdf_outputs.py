"""Outputs of a PDF through the whole system: files, a searchable PDF, chunks and fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from support import pdf_samples
from support.pdf_reader import character_error_rate, poppler_text

from secretary_devstack.processes.stack import Stack
from secretary_devstack.provider import FakeProvider

FIELDS = {
    "type": "object",
    "required": ["speakers"],
    "properties": {"speakers": {"type": "array", "items": {"$ref": "#/$defs/person"}}},
    "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}}},
}
FOUND = {"speakers": [{"name": "Käthe"}]}


def test_one_job_makes_all_outputs_and_its_files_can_be_fetched(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    (tmp_path / "mixed.pdf").write_bytes(pdf_samples.mixed_pdf())
    with FakeProvider() as fake:
        fake.reply_next(FOUND)
        llm = {"llm.base_url": fake.base_url, "llm.api_key": fake.key, "llm.model": "model-1"}
        stack = start_stack(llm)
        parameters = {
            "filename": "mixed.pdf",
            "extraction_method": "combined",
            "output": ["markdown", "json", "pdf"],
            "chunks": {"max_tokens": 200},
            "fields": FIELDS,
        }
        with stack.client() as client:
            job_id = client.submit("pdf", parameters)
            job = client.wait(job_id, timeout_sec=120)
            assert job["status"] == "completed", job["error"]
            answer = client.http.get(f"/api/jobs/{job_id}/results").raise_for_status().json()
            results = answer["data"]["results"]
            files = {
                name: client.http.get(f"/api/jobs/{job_id}/files/{name}").raise_for_status().content
                for name in ("document.md", "document.json", "document.pdf")
            }
            refused = client.http.post(
                "/api/jobs/",
                json={"job_type": "pdf", "parameters": {**parameters, "output": ["docx"]}},
            )
    assert refused.status_code == 422
    assert results["fields"] == FOUND
    assert [chunk["pages"] for chunk in results["chunks"]][-1][-1] == 2
    assert {one["file"] for one in results["outputs"].values()} == set(files)
    assert files["document.md"].decode().count(pdf_samples.PROSE[0]) == 2
    assert len(json.loads(files["document.json"])["pages"]) == 3
    text = " ".join(page["text"] for page in results["metadata"]["text_contents"])
    assert character_error_rate(poppler_text(files["document.pdf"], tmp_path), text) <= 0.02
