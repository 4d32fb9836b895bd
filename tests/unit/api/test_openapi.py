"""The OpenAPI document describes the API completely."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator


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
        "/api/files/presign",
        "/api/stream",
        "/api/jobs/cancel",
        "/api/jobs/retry",
        "/api/jobs/delete",
        "/api/doctor",
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


def misfits(document: Any, content: dict[str, Any]) -> list[str]:
    """Return why the examples of a content do not fit its schema, or that there is none."""
    given = [one["value"] for one in content.get("examples", {}).values()]
    given += [part["example"] for part in (content, content["schema"]) if "example" in part]
    if not given:
        return ["has no example"]
    whole = {**content["schema"], "components": document["components"]}
    checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [str(fault.message) for one in given for fault in checker.iter_errors(one)]


def json_in(part: dict[str, Any]) -> dict[str, Any] | None:
    content: dict[str, Any] | None = part.get("content", {}).get("application/json")
    return content


async def test_every_body_answer_and_failure_has_examples_that_fit_their_schema(
    document: Any,
) -> None:
    faults = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts = {"body": operation.get("requestBody", {}), **operation["responses"]}
            for name, part in parts.items():
                if content := json_in(part):
                    found = misfits(document, content)
                    faults += [f"{method} {path} {name}: {fault}" for fault in found]
    assert not faults, "\n".join(faults)


async def test_every_failure_has_an_example_of_each_code_that_its_text_names(
    document: Any,
) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    shown = answer["content"]["application/json"]["examples"]
                    codes = re.findall(r"`([A-Z]+_[A-Z_]+)`", answer["description"])
                    assert set(codes) <= set(shown), (path, status)
                    for code, example in shown.items():
                        assert example["value"]["error"]["code"] == code


async def test_every_link_leads_to_an_operation_with_its_parameter(document: Any) -> None:
    parameters = {
        operation["operationId"]: {one["name"] for one in operation.get("parameters", ())}
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    links = [
        link
        for operations in document["paths"].values()
        for operation in operations.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 20
    for link in links:
        assert set(link["parameters"]) <= parameters[link["operationId"]]


@pytest.mark.parametrize(
    ("action", "states"),
    [
        ("cancel", {"pending", "processing"}),
        ("retry", {"completed", "failed", "cancelled"}),
        ("delete", {"pending", "completed", "failed", "cancelled"}),
    ],
)
async def test_an_action_by_filter_names_the_states_that_it_takes(
    document: Any, action: str, states: set[str]
) -> None:
    body = document["paths"][f"/api/jobs/{action}"]["post"]["requestBody"]
    filters = body["content"]["application/json"]["schema"]["properties"]["filter"]
    assert set(filters["properties"]["status"]["enum"]) - {None} == states


async def test_every_reference_leads_somewhere(document: Any) -> None:
    references = re.findall(r"'\$ref': '([^']*)'", str(document))
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
