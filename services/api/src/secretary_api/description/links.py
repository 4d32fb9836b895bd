"""Links: which value of an answer names the thing that another operation works with."""

from __future__ import annotations

from typing import Any, NamedTuple


class _Source(NamedTuple):
    method: str
    path: str
    status: str
    pointer: str
    """The value in the body of the answer."""
    parameter: str
    """The parameter in the paths of the other operations."""


_SOURCES = (
    _Source("post", "/api/jobs/", "202", "/data/job_id", "job_id"),
    _Source("post", "/api/jobs/batch", "202", "/data/batch_id", "batch_id"),
    _Source("post", "/api/endpoints", "201", "/data/endpoint/id", "endpoint_id"),
    _Source("post", "/api/keys", "201", "/data/key_id", "key_id"),
    _Source("get", "/api/deliveries", "200", "/data/deliveries/0/id", "delivery_id"),
    _Source("get", "/api/job-types", "200", "/data/job_types/0/job_type", "job_type"),
)


def links_from(document: dict[str, Any], method: str, path: str, status: str) -> dict[str, Any]:
    """Return the links of an answer, by the names of the operations that they lead to."""
    links: dict[str, Any] = {}
    for source in _SOURCES:
        if source[:3] == (method, path, status):
            given = {source.parameter: f"$response.body#{source.pointer}"}
            for identity in _operations_with(document, source.parameter):
                links[identity] = {"operationId": identity, "parameters": given}
    return links


def _operations_with(document: dict[str, Any], parameter: str) -> list[str]:
    return [
        operation["operationId"]
        for path, operations in document["paths"].items()
        if f"{{{parameter}}}" in path
        for operation in operations.values()
    ]
