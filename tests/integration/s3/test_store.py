"""Objects of a real S3 server, which verifies each signature."""

from __future__ import annotations

import os
from typing import Any

import pytest
from support.store_harness import BUCKET, presigned, read, store_of, write

from secretary_common.errors import PermanentError
from secretary_common.http.object_address import ObjectAddress
from secretary_common.s3.connection import StoreConnection
from secretary_common.s3.upload import PART_BYTES, NewObject, Upload
from secretary_devstack.servers.s3_server import S3Server

URL = f"s3://{BUCKET}"


async def code_of(store: StoreConnection, url: str, **options: Any) -> str:
    with pytest.raises(PermanentError) as refused:
        await read(store, url, **options)
    assert "secret" not in refused.value.message
    return refused.value.code


@pytest.mark.parametrize("key", ["a.pdf", "deep/er/ü (1)+x&y=%20#?.pdf", "name with  spaces"])
async def test_an_object_with_any_key_is_read(store: StoreConnection, boto: Any, key: str) -> None:
    boto.put_object(Bucket=BUCKET, Key=key, Body=b"content", ContentType="application/pdf")
    content, found = await read(store, f"{URL}/{key}")
    assert content == b"content"
    assert (found.size, found.content_type) == (7, "application/pdf")


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES - 1])
async def test_an_object_of_any_size_comes_back_as_it_was_written(
    store: StoreConnection, boto: Any, size: int
) -> None:
    content = os.urandom(size)
    await write(store, f"{URL}/ü size/{size}", content)
    stored = boto.get_object(Bucket=BUCKET, Key=f"ü size/{size}")
    assert stored["Body"].read() == content
    assert stored["ContentType"] == "text/plain"
    assert (await read(store, f"{URL}/ü size/{size}"))[0] == content


async def test_a_missing_object_and_a_missing_bucket_have_a_code(
    store: StoreConnection, s3_server: S3Server
) -> None:
    assert await code_of(store, f"{URL}/missing") == "S3_OBJECT_NOT_FOUND"
    assert await code_of(store, "s3://no-such-bucket/a") == "S3_OBJECT_NOT_FOUND"


async def test_a_wrong_key_is_access_denied(s3_server: S3Server, boto: Any) -> None:
    boto.put_object(Bucket=BUCKET, Key="there", Body=b"x")
    for wrong in ({"secret_access_key": "x" * 40}, {"access_key_id": "AKIAUNKNOWN"}):
        assert await code_of(store_of(s3_server, **wrong), f"{URL}/there") == "S3_ACCESS_DENIED"


async def test_an_object_over_the_limit_is_refused(store: StoreConnection) -> None:
    await write(store, f"{URL}/large", b"x" * 100)
    assert await code_of(store, f"{URL}/large", max_bytes=99) == "FILE_TOO_LARGE"


async def test_an_earlier_writer_never_replaces_what_a_later_one_wrote(
    store: StoreConnection,
) -> None:
    address = f"{URL}/job/results.json"
    await write(store, address, b"of the lost attempt, first", writer=1)
    await write(store, address, b"of the second attempt", writer=2)
    with pytest.raises(PermanentError) as overtaken:
        await write(store, address, b"of the lost attempt, late", writer=1)
    assert overtaken.value.code == "S3_OVERTAKEN"
    assert (await read(store, address))[0] == b"of the second attempt"


async def test_a_repeated_write_of_the_same_attempt_leaves_the_object(
    store: StoreConnection, boto: Any
) -> None:
    for content in (b"one", b"one", b"two"):
        await write(store, f"{URL}/again", content, writer=3, sha256=content.hex())
    assert (await read(store, f"{URL}/again"))[0] == b"two"


async def test_a_failed_upload_leaves_no_parts(store: StoreConnection, boto: Any) -> None:
    content = os.urandom(PART_BYTES * 2 + 5)

    class Break(Exception):
        pass

    async def broken() -> Any:
        yield content
        raise Break

    async with store.client() as client:
        address = ObjectAddress.parse(f"{URL}/broken")
        with pytest.raises(Break):
            await Upload(store, client, NewObject(address, broken, "text/plain"), writer=1).run()
    assert "Uploads" not in boto.list_multipart_uploads(Bucket=BUCKET)
    assert await code_of(store, f"{URL}/broken") == "S3_OBJECT_NOT_FOUND"


def test_virtual_hosts_name_the_bucket_in_the_host() -> None:
    url = presigned("https://s3.example.com", "GET", f"{URL}/a/b", 60, path_style=False)
    assert url.startswith(f"https://{BUCKET}.s3.example.com/a/b?")
