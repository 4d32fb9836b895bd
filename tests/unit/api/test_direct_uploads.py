"""Presigned URLs for uploads past the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft202012Validator
from support.api_harness import Api, data_of, error_of, refused_field

from secretary_common.settings.s3 import S3Section

STORES = S3Section.model_validate(
    {
        "connections": {
            "one": {
                "endpoint": "https://store.example",
                "buckets": ["uploads"],
                "access_key_id": "AKIA",
                "secret_access_key": "the secret",
            }
        },
        "uploads": "s3://uploads/in/",
        "max_upload_mb": 1,
    }
)
FILE: dict[str, Any] = {"filename": "Vortrag ü.mp4", "size": 1000, "content_type": "video/mp4"}


@pytest.fixture
async def stores() -> AsyncIterator[Api]:
    api = Api(s3=STORES)
    async with api.client:
        yield api


async def presign(api: Api, key: str | None = None, **changes: Any) -> Any:
    options = {"key": key} if key else {}
    return await api.request("POST", "/api/files/presign", json={**FILE, **changes}, **options)


async def test_a_url_allows_one_object_of_the_api_key_for_an_hour(stores: Api) -> None:
    key = await stores.new_key()
    answer = await presign(stores, key)
    made = data_of(answer)
    parts, key_id = urlsplit(made["url"]), key.split("_")[1]
    query = parse_qs(parts.query)
    assert parts.netloc == "store.example"
    assert parts.path.startswith(f"/uploads/in/{key_id}/file-")
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert made["headers"] == {"Content-Length": "1000", "Content-Type": "video/mp4"}
    assert made["method"] == "PUT"
    assert made["source"].startswith(f"s3://uploads/in/{key_id}/file-")
    assert made["source"].endswith("/Vortrag ü.mp4")
    expires_at = stores.clock.now() + timedelta(hours=1)
    assert made["expires_at"] == expires_at.isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
    assert "the secret" not in answer.text


async def test_only_jobs_of_the_same_key_may_name_the_upload(stores: Api) -> None:
    mine, other = await stores.new_key(), await stores.new_key()
    source = data_of(await presign(stores, mine))["source"]
    assert (await stores.submit_pdf(key=mine, url=source)).status_code == 202
    refused = await stores.submit_pdf(key=other, url=source)
    refused_field(refused, "parameters.url", "S3_BUCKET_REFUSED")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 2**20 + 1),
        ("size", 0),
        ("size", "1000"),
        ("filename", "../a.mp4"),
        ("filename", ""),
        ("content_type", "video/mp4\r\nx: y"),
    ],
)
async def test_a_bad_file_is_refused(stores: Api, field: str, value: Any) -> None:
    refused_field(await presign(stores, **{field: value}), field)


async def test_a_content_type_may_have_a_parameter(stores: Api) -> None:
    answer = await presign(stores, content_type="text/html; charset=utf-8")
    assert data_of(answer)["headers"]["Content-Type"] == "text/html; charset=utf-8"


async def test_a_file_over_the_limit_of_the_key_is_refused(stores: Api) -> None:
    key = await stores.new_key(limits={"max_bytes": 999})
    assert "max_bytes" in refused_field(await presign(stores, key), "size")


async def test_without_a_place_for_uploads_the_answer_says_so() -> None:
    api = Api()
    async with api.client:
        error = error_of(await presign(api), 422, "S3_BUCKET_REFUSED")
    assert "s3.uploads" in error["message"]


async def test_a_key_that_may_not_submit_gets_no_url(stores: Api) -> None:
    key = await stores.new_key(scopes=["read"])
    assert (await presign(stores, key)).status_code == 403


@pytest.mark.parametrize(
    "name", ["a/b", "a\\b", "..", ".", " a", "a ", "a\x84", "\x1f", "a" * 201, ""]
)
async def test_the_schema_of_a_file_name_refuses_what_the_api_refuses(
    stores: Api, document: Any, name: str
) -> None:
    refused_field(await presign(stores, filename=name), "filename")
    body = document["paths"]["/api/files/presign"]["post"]["requestBody"]["content"][
        "application/json"
    ]
    checked = Draft202012Validator(body["schema"])
    assert not checked.is_valid({"filename": name, "size": 1})
    assert checked.is_valid({"filename": FILE["filename"], "size": 1})
