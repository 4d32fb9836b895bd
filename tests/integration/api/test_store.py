"""The API over a real MongoDB."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from support.api_harness import data_of, error_of, refused_field
from support.api_over_mongo import api_over

from secretary_common.mongo.store import store_of
from secretary_common.settings.service import MongoSection

Client = httpx.AsyncClient
JSON = {"Content-Type": "application/json"}


async def submit(client: Client, parameters: Any, **fields: Any) -> httpx.Response:
    body = {"job_type": "custom", "parameters": parameters, **fields}
    return await client.post("/api/jobs/", content=json.dumps(body), headers=JSON)


async def parameters_back(client: Client, parameters: Any) -> Any:
    """Submit a job, and return its parameters as the API shows them."""
    location = (await submit(client, parameters)).headers["location"]
    return data_of(await client.get(location))["parameters"]


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "parameters",
    [
        {"none": None, "nested": {"none": None, "list": [None]}},
        {"$set": {"$where": "1"}, "a.b": {"c.d": 1}, "": {"": ""}},
        {"$ref": "#/x"},
        {"$id": 1},
        {"x": {"$id": 1}},
        {"x": {"$db": 1, "$ref": "y"}},
        {"_id": 7, "job_id": 8, "status": "completed"},
        {"big": 2**63 - 1, "small": -(2**63), "float": 1e308, "int": 1.0},
        {"text": "a\0b\u2028\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")},
        nested(99),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_parameters_are_stored_unchanged(client: Client, parameters: Any) -> None:
    assert await parameters_back(client, parameters) == parameters


async def test_a_job_that_is_too_large_for_a_document_is_refused(client: Client) -> None:
    # 1.5 million small numbers: 3 MB of JSON, over 16 MB of BSON.
    answer = await submit(client, {"numbers": [1] * 1_500_000})
    error_of(answer, 422, "NOT_STORABLE")
    assert (await submit(client, {})).status_code == 202


async def test_an_accepted_job_survives_a_failover(
    client: Client, mongo_url: str, database_name: str
) -> None:
    hook = {"url": "https://example.com", "token": "a token"}
    data = data_of(await submit(client, {"a": 1, "webhook": hook}, tags=["x"], priority=9))
    async with store_of(MongoSection(url=mongo_url, database=database_name)) as other:
        job = await other.jobs.get(data["job_id"])
    assert job
    assert (job.parameters, job.tags, job.priority) == ({"a": 1}, ["x"], 9)
    assert job.webhook
    assert "a token" not in str(job)


async def test_every_page_of_a_large_listing_can_be_read(client: Client) -> None:
    submitted = [data_of(await submit(client, {"n": n}))["job_id"] for n in range(5)]
    seen: list[str] = []
    query = ""
    while True:
        page = data_of(await client.get(f"/api/jobs/?limit=2{query}"))
        seen += [job["job_id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        query = f"&cursor={page['next']}"
    assert sorted(seen) == sorted(submitted)


@pytest.mark.parametrize("field", ["tag", "user_id", "job_type", "batch_id", "cursor"])
@pytest.mark.parametrize("value", ["\0", "$ne", "{}", "ä", "x" * 5000])
async def test_filters_are_always_values(client: Client, field: str, value: str) -> None:
    answer = await client.get("/api/jobs/", params={field: value})
    if field == "cursor":
        refused_field(answer, "cursor")
    else:
        assert data_of(answer)["jobs"] == []


@pytest.mark.parametrize("job_id", ["%00", "%24ne", "job-%F0%9F%98%80", "x" * 2000, "%FF"])
async def test_an_id_is_always_a_value(client: Client, job_id: str) -> None:
    error_of(await client.get(f"/api/jobs/{job_id}"), 404, "NOT_FOUND")


async def test_a_key_works_from_its_creation_to_its_end(client: Client) -> None:
    made = data_of(await client.post("/api/keys", json={"name": "n"}))
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert (await client.get("/api/jobs/", headers=headers)).status_code == 200
    (shown,) = data_of(await client.get("/api/keys"))["keys"]
    assert shown["created_at"].endswith("Z")
    assert (await client.delete(f"/api/keys/{made['key_id']}")).status_code == 200
    assert (await client.get("/api/jobs/", headers=headers)).status_code == 401


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["$ref", "$id", "_id"]), inner)
    ),
    max_leaves=15,
)


def test_accepted_parameters_are_shown_unchanged(mongo_url: str, database_name: str) -> None:
    with asyncio.Runner() as runner:
        context = api_over(mongo_url, database_name)
        client = runner.run(context.__aenter__())

        @examples(max_examples=60, deadline=None)
        @given(
            st.dictionaries(st.text(max_size=8).filter(lambda name: name != "webhook"), anything)
        )
        def check(parameters: dict[str, Any]) -> None:
            answer = runner.run(submit(client, parameters))
            if answer.status_code == 422:
                error_of(answer, 422, "NOT_STORABLE")
                return
            shown = runner.run(client.get(answer.headers["location"]))
            assert data_of(shown)["parameters"] == parameters

        try:
            check()
        finally:
            runner.run(context.__aexit__(None, None, None))
