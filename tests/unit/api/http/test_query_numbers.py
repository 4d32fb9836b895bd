"""A number in a query is written as in JSON."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from support.api_harness import Api, data_of, refused_field

ODD = ("1_0", " 10", "10 ", "+10", "nan", "inf", "0x1", "\u0661", "")


def _is_number(parameter: Any) -> bool:
    schemas = [parameter["schema"], *parameter["schema"].get("anyOf", [])]
    return any(one.get("type") in ("integer", "number") for one in schemas)


async def test_every_number_of_a_query_is_refused_in_a_spelling_that_only_python_reads(
    api: Api,
) -> None:
    job = data_of(await api.submit({}))["job_id"]
    paths = (await api.get("/openapi.json")).json()["paths"]
    looked_at = set()
    for path, operations in paths.items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] != "query" or not _is_number(parameter):
                    continue
                looked_at.add((path, parameter["name"]))
                assert {"minimum", "maximum"} <= parameter["schema"].keys(), path
                for value in ODD:
                    answer = await api.request(
                        method,
                        path.replace("{job_id}", job),
                        params={parameter["name"]: value},
                        json={"job_type": "custom"} if method == "post" else None,
                    )
                    assert answer.status_code == 422, (path, parameter["name"], value)
                    refused_field(answer, parameter["name"])
    assert ("/api/jobs/{job_id}", "wait") in looked_at
    assert ("/api/jobs/", "limit") in looked_at


@pytest.mark.parametrize("limit", ["10", "10.0"])
async def test_a_number_may_have_a_fraction_of_zero(api: Api, limit: str) -> None:
    for _ in range(11):
        await api.submit({})
    assert len(data_of(await api.get("/api/jobs/", params={"limit": limit}))["jobs"]) == 10


@pytest.mark.parametrize("moment", ["1_0", "+10", " 10", "\u0661"])
async def test_a_cursor_with_an_odd_number_is_refused(api: Api, moment: str) -> None:
    cursor = base64.urlsafe_b64encode(f"{moment}:job-1".encode()).decode().rstrip("=")
    refused_field(await api.get("/api/jobs/", params={"cursor": cursor}), "cursor")
