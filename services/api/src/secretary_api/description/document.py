"""Completes the OpenAPI document that FastAPI makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from secretary_api.description.examples import example_of
from secretary_api.description.failures import failures_in
from secretary_api.description.links import links_from

JSON = "application/json"
FIRST_FAILURE = 400
TEXTS = {
    "text/event-stream": (
        "retry: 2000\n\nid: 3\nevent: progress\n"
        'data: {"seq":3,"job_id":"job-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60","status":"processing",'
        '"progress":{"step":"reading","percent":40,"message":null},"error":null}\n\n'
    ),
    "text/plain": 'secretary_jobs_accepted_total{job_type="pdf"} 12.0\n',
}
"""An example of each kind of answer that is text."""
SCHEMAS: dict[str, dict[str, Any]] = {
    "text/event-stream": {
        "itemSchema": {  # of each event, as OpenAPI 3.2 has it
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "event": {
                    "enum": ["pending", "progress", "completed", "failed", "cancelled", "reset"]
                },
                "data": {"type": "string", "contentMediaType": JSON},
                "retry": {"type": "integer"},
            },
        }
    },
    "text/plain": {"schema": {"type": "string"}},
}


def install(app: FastAPI) -> None:
    """Let *app* serve the completed document; the document is made at its first use."""
    made_by_fastapi = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(made_by_fastapi())
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]  # the way that FastAPI documents


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document* with the schemas of all bodies, with examples, and with links."""
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        _restore_nulls(schema)
    for method, path, operation in _operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["schema"] = _with_shared_parts(content["schema"], schemas)
        for status, answer in operation["responses"].items():
            for media_type, content in answer.get("content", {}).items():
                _add_examples(content, media_type, int(status), answer["description"], schemas)
            if links := links_from(document, method, path, status):
                answer["links"] = links
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield method, path, operation


def _with_shared_parts(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Move the definitions inside a body's schema to *schemas*, where its references find them."""
    text = json.dumps(schema).replace("#/$defs/", "#/components/schemas/")
    moved: dict[str, Any] = json.loads(text)
    for name, part in moved.pop("$defs", {}).items():
        schemas.setdefault(name, part)
    return moved


def _restore_nulls(schema: dict[str, Any]) -> None:
    """Give the example of *schema* the fields that are null: FastAPI leaves them out."""
    example = schema.get("example")
    if isinstance(example, dict):
        nulls = dict.fromkeys(schema.get("required", ()))
        schema["example"] = {**nulls, **example}


def _add_examples(
    content: dict[str, Any],
    media_type: str,
    status: int,
    description: str,
    schemas: dict[str, Any],
) -> None:
    if media_type in TEXTS:
        content.update(SCHEMAS[media_type])
        content["example"] = TEXTS[media_type]
    elif media_type != JSON:
        return  # bytes
    elif status >= FIRST_FAILURE:
        content["examples"] = {
            code: {"value": failure} for code, failure in failures_in(description, status).items()
        }
    else:
        content["example"] = example_of(content["schema"], schemas)
