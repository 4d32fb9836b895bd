"""The types of both clients describe this API."""

import runpy
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from secretary_client import models

TOOL = runpy.run_path(str(Path(__file__).parents[3] / "deploy/local/typescript.py"))
SCHEMAS = {
    "ApiKey": "ListedKey",
    "Attempt": "AttemptView",
    "AuditEntry": "AuditView",
    "Batch": "BatchView",
    "ChangedKey": "KeyView",
    "Delivery": "DeliveryView",
    "Endpoint": "EndpointView",
    "Job": "JobView",
    "JobError": "JobError",
    "JobFile": "JobFileView",
    "JobProgress": "JobProgress",
    "JobType": "JobTypeView",
    "KeyCreated": "KeyCreated",
    "KeyLimits": "LimitsRequest",
    "LogEntry": "LogView",
    "Receiver": "ReceiverView",
    "RotatedSecret": "SecretRotated",
    "Template": "TemplateView",
    "Worker": "WorkerView",
} | {name: name for name in ("BatchSubmitted", "FilteredJobs", "JobSummary", "Stats")}
"""The schema of each type of the Python client."""
LISTINGS = {
    "JobFilter": "/api/jobs/",
    "FeedFilter": "/api/stream",
    "DeliveryFilter": "/api/deliveries",
}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    made: dict[str, Any] = TOOL["description"]()
    return made


def hints(name: str) -> dict[str, Any]:
    return get_type_hints(getattr(models, name))


def test_the_types_are_written_from_the_api_as_it_is(description: dict[str, Any]) -> None:
    with TOOL["TYPES"].open(encoding="utf-8") as file:
        found = next(file)
    assert found == TOOL["first_line"](description), "make reference"


def test_each_type_of_the_python_client_has_the_fields_of_its_schema(
    description: dict[str, Any],
) -> None:
    schemas = description["components"]["schemas"]
    for name, schema in SCHEMAS.items():
        described = {
            field: any(one.get("type") == "null" for one in value.get("anyOf", ()))
            for field, value in schemas[schema]["properties"].items()
        }
        typed = {field: type(None) in get_args(hint) for field, hint in hints(name).items()}
        assert typed == described, name


def test_each_filter_of_a_listing_has_a_type(description: dict[str, Any]) -> None:
    for name, path in LISTINGS.items():
        parameters = description["paths"][path]["get"]["parameters"]
        filters = {one["name"] for one in parameters if one["in"] == "query"}
        assert set(hints(name)) == filters - {"limit", "cursor"}, name
