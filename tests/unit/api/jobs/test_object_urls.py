"""Addresses of objects (``s3://bucket/key``) in jobs, and the places that an API key may name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.api_harness import Api, data_of, refused_field

from secretary_common.models import JobTypeInfo
from secretary_common.settings.s3 import S3Section

CONNECTION = {"endpoint": "https://store", "access_key_id": "k", "secret_access_key": "s"}
STORES = S3Section.model_validate(
    {
        "connections": {
            "one": {**CONNECTION, "buckets": ["invoices", "shared/in/"]},
            "two": {**CONNECTION, "buckets": ["results"]},
        },
        "uploads": "s3://results/uploads/",
    }
)
URL = "parameters.url"


@pytest.fixture
async def stores() -> AsyncIterator[Api]:
    api = Api(s3=STORES)
    async with api.client:
        yield api


@pytest.mark.parametrize(
    "url", ["s3://invoices/2026/ü (1).pdf", "s3://shared/in/a.pdf", "s3://results/a.pdf"]
)
async def test_an_object_of_a_connection_is_accepted_as_it_is_written(
    stores: Api, url: str
) -> None:
    job = data_of(await stores.submit_pdf(url=url))["job"]
    assert job["parameters"]["url"] == url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("s3://other/a.pdf", "S3_BUCKET_REFUSED"),
        ("s3://shared/out/a.pdf", "S3_BUCKET_REFUSED"),
        ("s3://shared/input/a.pdf", "S3_BUCKET_REFUSED"),
        ("s3://results/uploads/another-key/a.pdf", "S3_BUCKET_REFUSED"),
        ("s3://shared/in/../out/a.pdf", "S3_ADDRESS_INVALID"),
        ("s3://invoices/", "S3_ADDRESS_INVALID"),
        ("s3://invoices", "S3_ADDRESS_INVALID"),
        ("S3://invoices/a.pdf", "S3_ADDRESS_INVALID"),
        ("s3://user:secret@invoices/a.pdf", "S3_ADDRESS_INVALID"),
        ("s3://invoices/a\x00.pdf", "S3_ADDRESS_INVALID"),
    ],
)
async def test_other_objects_are_refused_with_a_code(stores: Api, url: str, code: str) -> None:
    refused_field(await stores.submit_pdf(url=url), URL, code)
    assert stores.jobs.jobs == {}


async def test_without_connections_no_object_can_be_named() -> None:
    api = Api()
    async with api.client:
        refused_field(await api.submit_pdf(url="s3://invoices/a.pdf"), URL, "S3_BUCKET_REFUSED")


async def test_a_job_type_that_reads_no_objects_refuses_their_addresses(stores: Api) -> None:
    schema = {"properties": {"url": {"type": "string"}}}
    await stores.job_types.announce([JobTypeInfo("page", schema)])
    answer = await stores.submit({"url": "s3://invoices/a.pdf"}, job_type="page")
    refused_field(answer, URL, "URL_REFUSED")


async def test_a_key_names_only_objects_in_its_places(stores: Api) -> None:
    key = await stores.new_key(limits={"s3_places": ["s3://invoices/42"]})
    for url in ("s3://invoices/4/a.pdf", "s3://invoices/421/a.pdf", "s3://results/a.pdf"):
        refused_field(await stores.submit_pdf(key=key, url=url), URL, "S3_BUCKET_REFUSED")
    job_id = data_of(await stores.submit_pdf(key=key, url="s3://invoices/42/a.pdf"))["job_id"]
    assert stores.jobs.jobs[job_id].s3_places == ["s3://invoices/42/"]


async def test_a_key_without_places_names_only_its_own_direct_uploads(stores: Api) -> None:
    key = await stores.new_key(limits={"s3_places": []})
    refused = await stores.submit_pdf(key=key, url="s3://invoices/a.pdf")
    refused_field(refused, URL, "S3_BUCKET_REFUSED")
    key_id = key.split("_")[1]
    own = await stores.submit_pdf(key=key, url=f"s3://results/uploads/{key_id}/a.pdf")
    assert own.status_code == 202


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("s3://other/", "S3_BUCKET_REFUSED"),
        ("s3://shared/", "S3_BUCKET_REFUSED"),
        ("s3://results/uploads/someone/", "S3_BUCKET_REFUSED"),
        ("/srv", "VALIDATION_ERROR"),
        ("s3://x/../y", "VALIDATION_ERROR"),
    ],
)
async def test_the_places_of_a_key_lie_in_the_connections(
    stores: Api, place: str, code: str
) -> None:
    wanted: dict[str, Any] = {"name": "k", "limits": {"s3_places": ["s3://invoices/", place]}}
    answer = await stores.request("POST", "/api/keys", json=wanted)
    refused_field(answer, "limits.s3_places.1", code)


async def test_a_target_is_stored_as_a_place_and_shown(stores: Api) -> None:
    answer = await stores.submit({}, target="s3://results/out")
    job = data_of(answer)["job"]
    assert job["target"] == "s3://results/out/"
    assert stores.jobs.jobs[job["job_id"]].target == "s3://results/out/"
    assert data_of(await stores.submit({}))["job"]["target"] is None


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("s3://other/", "S3_BUCKET_REFUSED"),
        ("s3://shared/", "S3_BUCKET_REFUSED"),
        ("s3://results/uploads/someone/", "S3_BUCKET_REFUSED"),
        ("s3://results/../x", "S3_ADDRESS_INVALID"),
        ("https://results/x", "S3_ADDRESS_INVALID"),
    ],
)
async def test_other_targets_are_refused(stores: Api, target: str, code: str) -> None:
    refused_field(await stores.submit({}, target=target), "target", code)
    batch = {"jobs": [{"job_type": "custom", "target": target}]}
    refused_field(
        await stores.request("POST", "/api/jobs/batch", json=batch), "jobs.0.target", code
    )
    assert stores.jobs.jobs == {}


async def test_a_key_writes_only_to_its_places(stores: Api) -> None:
    key = await stores.new_key(limits={"s3_places": ["s3://results/42/"]})
    refused = await stores.submit({}, key=key, target="s3://results/")
    refused_field(refused, "target", "S3_BUCKET_REFUSED")
    assert (await stores.submit({}, key=key, target="s3://results/42/a")).status_code == 202
