"""The OpenAPI document describes the API completely."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.api_harness import Api


@pytest.fixture
async def document(api: Api) -> Any:
    answer = await api.get("/openapi.json", key=None)
    assert answer.status_code == 200
    return answer.json()


async def test_each_path_is_described_in_one_form(document: Any) -> None:
    assert set(document["paths"]) == {
        "/api/jobs/",
        "/api/jobs/{job_id}",
        "/api/jobs/{job_id}/logs",
        "/api/jobs/{job_id}/results",
        "/api/jobs/{job_id}/files/{name}",
        "/api/jobs/{job_id}/download-archive",
        "/api/jobs/{job_id}/attempts",
        "/api/jobs/{job_id}/deliveries",
        "/api/jobs/{job_id}/stream",
        "/api/jobs/{job_id}/cancel",
        "/api/jobs/{job_id}/retry",
        "/api/jobs/batch",
        "/api/jobs/batch/{batch_id}",
        "/api/jobs/batch/{batch_id}/cancel",
        "/api/jobs/batch/{batch_id}/retry-failed",
        "/api/files",
        "/api/stream",
        "/api/jobs/cancel",
        "/api/jobs/retry",
        "/api/jobs/delete",
        "/api/receivers",
        "/api/endpoints",
        "/api/endpoints/{endpoint_id}",
        "/api/endpoints/{endpoint_id}/rotate-secret",
        "/api/endpoints/{endpoint_id}/replay",
        "/api/endpoints/{endpoint_id}/test",
        "/api/audit",
        "/api/deliveries",
        "/api/deliveries/recover",
        "/api/deliveries/{delivery_id}/resend",
        "/api/webhooks/test",
        "/api/stats",
        "/api/overview",
        "/api/job-types",
        "/api/job-types/{job_type}/pause",
        "/api/job-types/{job_type}/resume",
        "/api/templates",
        "/api/workers",
        "/api/keys",
        "/api/keys/{key_id}",
        "/health/live",
        "/health/ready",
        "/metrics",
    }


async def test_the_document_which_docs_shows_offers_the_source_code(document: Any) -> None:
    assert document["info"]["license"]["identifier"] == "AGPL-3.0-or-later"
    assert "source code of this service" in document["info"]["description"]


async def test_every_failure_is_described_as_our_envelope(document: Any) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Failure"}, (path, method)
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_operations_that_need_a_key_say_so(document: Any) -> None:
    schemes = document["components"]["securitySchemes"]
    assert [(one["type"], one["scheme"]) for one in schemes.values()] == [("http", "bearer")]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == (not path.startswith("/health"))


async def test_the_submission_is_described_with_an_example(document: Any) -> None:
    body = document["paths"]["/api/jobs/"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["example"]["parameters"]["filename"] == "/path/to/file.pdf"
    assert body["schema"]["properties"]["priority"]["maximum"] == 9


async def test_every_reference_leads_somewhere(document: Any) -> None:
    for name in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert name in document["components"]["schemas"]
