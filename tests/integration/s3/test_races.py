"""Writers that race for one object, in a store that holds the conditions of S3's published API.

``test_store.py`` uses moto, which ignores conditions when an upload in parts is completed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from support.store_harness import BUCKET, read, store_at, write

from secretary_common.errors import PermanentError, TransientError
from secretary_common.http.object_address import ObjectAddress
from secretary_common.s3.connection import StoreConnection
from secretary_common.s3.upload import PART_BYTES, NewObject, Upload
from secretary_devstack.object_store.refusal import Refusal, conflict, precondition_failed
from secretary_devstack.object_store.server import ObjectStoreServer

KEY = f"{BUCKET}/job/results.json"
URL = f"s3://{KEY}"
SMALL, LARGE = 1000, PART_BYTES + 1000

Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
def server() -> Iterator[ObjectStoreServer]:
    with ObjectStoreServer() as server:
        yield server


@pytest.fixture
def store(server: ObjectStoreServer) -> StoreConnection:
    return store_at(server.endpoint)


async def write_during(
    store: StoreConnection, content: bytes, *, writer: int, meanwhile: Meanwhile, sha256: str = ""
) -> None:
    """Write *content*; do *meanwhile* once, after its state was read and before it is written."""
    pending = [meanwhile]

    async def pieces() -> AsyncIterator[bytes]:
        yield content[:-10]
        if pending:
            await pending.pop()()
        yield content[-10:]

    new = NewObject(ObjectAddress.parse(URL), pieces, "text/plain", len(content), sha256)
    async with store.client() as client:
        await Upload(store, client, new, writer=writer).run()


async def stored(store: StoreConnection) -> bytes:
    return (await read(store, URL))[0]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_late_write_of_an_earlier_attempt_is_refused(
    server: ObjectStoreServer, store: StoreConnection, *, size: int, before: bool
) -> None:
    if before:
        await write(store, URL, b"of attempt 1", writer=1)
    newer = os.urandom(size)
    with pytest.raises(PermanentError) as overtaken:
        await write_during(
            *(store, os.urandom(size)),
            writer=2,
            meanwhile=lambda: write(store, URL, newer, writer=3),
        )
    assert overtaken.value.code == "S3_OVERTAKEN"
    assert await stored(store) == newer
    assert server.store.open_uploads == 0


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_later_attempt_replaces_what_an_earlier_one_wrote_meanwhile(
    server: ObjectStoreServer, store: StoreConnection, *, size: int, before: bool
) -> None:
    if before:
        await write(store, URL, b"of attempt 1", writer=1)
    newer, late = os.urandom(size), os.urandom(size)
    await write_during(store, newer, writer=3, meanwhile=lambda: write(store, URL, late, writer=2))
    assert await stored(store) == newer
    assert server.store.open_uploads == 0


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_an_object_that_is_removed_while_it_is_replaced_is_written(
    server: ObjectStoreServer, store: StoreConnection, size: int
) -> None:
    await write(store, URL, b"of attempt 1", writer=1)
    content = os.urandom(size)

    async def remove() -> None:
        del server.store.objects[KEY]

    await write_during(store, content, writer=2, meanwhile=remove)
    assert await stored(store) == content
    assert server.store.open_uploads == 0


@pytest.mark.parametrize("in_body", [False, True])
@pytest.mark.parametrize("refusal", [conflict, precondition_failed])
async def test_a_refused_end_of_an_upload_is_written_again_from_its_first_part(
    server: ObjectStoreServer,
    store: StoreConnection,
    *,
    refusal: Callable[[], Refusal],
    in_body: bool,
) -> None:
    server.refuse_completion(refusal(), in_body=in_body)
    content = os.urandom(LARGE)
    await write(store, URL, content)
    assert await stored(store) == content
    one = ["CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"]
    again = ["HeadObject", *one, "AbortMultipartUpload", "HeadObject", *one, "GetObject"]
    assert server.requests == again
    assert server.store.open_uploads == 0


async def test_an_upload_whose_last_answer_was_lost_is_not_written_again(
    server: ObjectStoreServer, store: StoreConnection
) -> None:
    server.lose_answer_of_completion()
    content = os.urandom(LARGE)
    await write(store, URL, content, sha256="abc")
    assert await stored(store) == content
    assert server.requests.count("CreateMultipartUpload") == 1


async def test_a_writer_that_loses_each_race_is_tried_again_later(
    server: ObjectStoreServer, store: StoreConnection
) -> None:
    for _ in range(10):
        server.refuse_completion(conflict())
    with pytest.raises(TransientError) as lost:
        await write(store, URL, os.urandom(LARGE))
    assert lost.value.code == "S3_UNAVAILABLE"
    assert (server.store.objects, server.store.open_uploads) == ({}, 0)
