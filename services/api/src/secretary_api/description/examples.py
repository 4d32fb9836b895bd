"""Examples of answers, composed of the examples of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretary_api.schemas.delivery import EXAMPLE_DELIVERY_ID
from secretary_api.schemas.job import EXAMPLE_JOB_ID

_NONE = (
    *("batch_id", "timeout_sec", "error", "results_url", "deleted_at", "next", "wait"),
    *("muted_until", "reason", "next_attempt_at", "expires_at", "rotated_until", "endpoint_id"),
    *("last_failure", "host", "pid", "max_bytes", "requests_per_sec", "max_priority", "models"),
    "file_roots",
)
"""Fields that are null in the usual answer."""
_BY_NAME: Mapping[str, Any] = {
    **dict.fromkeys(_NONE),
    "job_id": EXAMPLE_JOB_ID,
    "job_ids": [EXAMPLE_JOB_ID],
    "job_type": "pdf",
    "job_types": ["pdf"],
    "job_name": "report.pdf",
    "priority": 5,
    "tags": ["reports"],
    "user_id": "user-7",
    "run": 1,
    "attempt": 1,
    "max_attempts": 3,
    "seq": 7,
    "progress": {"step": "writing", "percent": 100, "message": "12 pages"},
    "usage": {"pages": 12},
    "results": {"pages": 12, "text": "The annual report …"},
    "name": "report.md",
    "filename": "report.pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "content_type": "text/markdown",
    "level": "info",
    "message": "12 pages were read",
    "url": "https://example.com/events",
    "id": EXAMPLE_DELIVERY_ID,
    "phase": "completed",
    "status": "completed",
    "state": "delivered",
    "status_code": 200,
    "duration_ms": 48,
    "address": "203.0.113.7",
    "response": "ok",
    "events": ["completed", "failed"],
    "headers": ["X-Api-Key"],
    "has_secret": True,
    "enabled": True,
    "count": 12,
    "workers": 2,
    "scopes": ["submit", "read"],
    "key_id": "0123456789ab",
    "max_running": 4,
    "max_pending": 1000,
    "schema": {"type": "object", "properties": {"file_id": {"type": "string"}}},
    "batch_name": "the archive of 1999",
    "languages": ["de", "en"],
    "cancel_requested": False,
    "paused": False,
    "slots": 8,
    "busy": 1,
    "running": 1,
    "unfit": {},
    "oldest_wait_sec": 0.4,
    "BatchCounts.pending": 0,
    "BatchCounts.processing": 0,
    "BatchCounts.completed": 11,
    "BatchCounts.failed": 1,
    "BatchCounts.cancelled": 0,
    "BatchCounts.total": 12,
    "DeliveryStats.dead": 0,
    "EndpointView.message": None,
    "JobFileView.url": f"/api/jobs/{EXAMPLE_JOB_ID}/files/report.md",
    "ListedKey.name": "the wiki",
    "KeyView.name": "the wiki",
    "UsageView.pending": 20,
    "UsageView.bytes": 48213,
    "WorkerView.id": "5f0c4be1a2b34d5e6f708192",
    "WorkerView.running": [EXAMPLE_JOB_ID],
}
"""The value of a field with this name, or with this name in one schema.

It is used if the schema takes it and has no example of its own.
"""
_KINDS: Mapping[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    str: ("string",),
    dict: ("object",),
    type(None): ("null",),
}
_BY_TYPE: Mapping[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "string": "…"}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "") -> Any:
    """Return an example for *schema*.

    Args:
        schema: a JSON Schema.
        schemas: the schemas that references name.
        name: the field that has the schema.
    """
    schema = _resolved(schema, schemas)
    if "const" in schema:
        return schema["const"]
    if "example" in schema:
        return schema["example"]
    if schema.get("examples"):
        return schema["examples"][0]
    if name in _BY_NAME and _takes(schema, _BY_NAME[name], schemas):
        return _BY_NAME[name]
    for part in schema.get("anyOf", ()):
        if part.get("type") != "null":
            return example_of(part, schemas, name)
    return _structured(schema, schemas)


def _structured(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    if "properties" in schema:
        whole = schema.get("title", "")
        return {
            name: example_of(
                field, schemas, own if (own := f"{whole}.{name}") in _BY_NAME else name
            )
            for name, field in schema["properties"].items()
        }
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return {"pdf": example_of(values, schemas)} if isinstance(values, dict) else {}
    return _BY_TYPE.get(schema.get("type", ""))


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _takes(schema: Mapping[str, Any], value: Any, schemas: Mapping[str, Any]) -> bool:
    """Return whether the kind of *value* fits *schema*."""
    schema = _resolved(schema, schemas)
    if "anyOf" in schema:
        return any(_takes(part, value, schemas) for part in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if isinstance(value, list):
        items = schema.get("items", {})
        return schema.get("type") == "array" and all(_takes(items, one, schemas) for one in value)
    return schema.get("type") in _KINDS[type(value)]
