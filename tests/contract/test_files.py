"""What every file repository promises: in memory, and MongoDB under both drivers."""

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import gridfs
import pytest
from pymongo import MongoClient
from support.indexed_database import ensure_indexes

from secretary_common.errors import FileTooLarge
from secretary_common.models import FileInfo, FileKind
from secretary_common.models.file import HEAD_BYTES
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Collection
from secretary_common.mongo.files import CHUNK_BYTES, GROUP, MongoFileRepository
from secretary_common.ports import FileRepository
from secretary_common.testing.files import InMemoryFileRepository

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def after(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def info(name: str = "a.txt", **fields: Any) -> FileInfo:
    given = {"kind": FileKind.FILE, "owner": "key-1", "name": name, "created_at": NOW}
    return FileInfo.model_validate({**given, **fields})


async def pieces(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def broken(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise LookupError("the source has a fault")


async def read(files: FileRepository, file_id: str) -> bytes:
    found = await files.open(file_id)
    assert found is not None
    return b"".join([chunk async for chunk in found.chunks])


@pytest.fixture(params=["memory", "motor", "pymongo"])
async def files(request: pytest.FixtureRequest) -> AsyncIterator[FileRepository]:
    if request.param == "memory":
        yield InMemoryFileRepository()
        return
    url, name = (request.getfixturevalue(fixture) for fixture in ("mongo_url", "database_name"))
    client = DatabaseClient(url, name, request.param)
    await ensure_indexes(client)
    yield MongoFileRepository(client)
    await client.close()


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, CHUNK_BYTES * GROUP, CHUNK_BYTES * GROUP + 7]
)
async def test_a_file_comes_back_as_it_was_stored(files: FileRepository, size: int) -> None:
    content = os.urandom(size)
    stored = await files.save(pieces(content), info(job_id="job-1", attempt=2))
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert await read(files, stored.file_id) == content
    found = await files.open(stored.file_id)
    assert found is not None
    assert found.stored == stored


@pytest.mark.parametrize("size", [0, 1, HEAD_BYTES, HEAD_BYTES + 1, CHUNK_BYTES + 1])
async def test_the_first_bytes_of_a_file_can_be_read(files: FileRepository, size: int) -> None:
    content = os.urandom(size)
    stored = await files.save(pieces(content, HEAD_BYTES // 3), info())
    assert await files.head(stored.file_id) == content[:HEAD_BYTES]
    await files.delete(stored.file_id)
    assert await files.head(stored.file_id) == b""


async def test_an_unknown_file_is_not_found(files: FileRepository) -> None:
    assert await files.open("file-unknown") is None
    await files.delete("file-unknown")


async def test_a_file_over_the_limit_is_refused_while_it_arrives(files: FileRepository) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100_000
            yield bytes(100_000)

    too_large = info(job_id="job-1")
    with pytest.raises(FileTooLarge):
        await files.save(endless(), too_large, max_bytes=1_000_000)
    assert taken < 2_000_000
    assert await files.open(too_large.file_id) is None
    assert await files.of_job("job-1", 9) == []
    assert (await files.save(pieces(bytes(1000)), info(), max_bytes=1000)).size == 1000


async def test_a_file_whose_source_fails_leaves_nothing(files: FileRepository) -> None:
    half = info(job_id="job-1")
    with pytest.raises(LookupError):
        await files.save(broken(bytes(CHUNK_BYTES * GROUP * 2)), half)
    assert await files.open(half.file_id) is None
    assert await files.of_job("job-1", 9) == []


async def test_a_deleted_file_is_gone(files: FileRepository) -> None:
    kept = await files.save(pieces(b"kept"), info())
    gone = await files.save(pieces(b"gone"), info(job_id="job-1"))
    await files.delete(gone.file_id)
    assert await files.open(gone.file_id) is None
    assert await files.of_job("job-1", 9) == []
    assert await read(files, kept.file_id) == b"kept"


async def test_the_files_of_a_job_are_found(files: FileRepository) -> None:
    saved = [
        await files.save(pieces(b"x"), info(job_id=job_id, attempt=1))
        for job_id in ("job-1", "job-1", "job-2", None)
    ]
    assert set(await files.of_job("job-1", 9)) == {each.file_id for each in saved[:2]}
    assert len(await files.of_job("job-1", 1)) == 1


async def test_a_file_is_due_for_a_check_after_a_day_and_again_when_requested(
    files: FileRepository,
) -> None:
    first = await files.save(pieces(b"1"), info("first"))
    await files.save(pieces(b"2"), info("second", created_at=after(1)))
    assert await files.due_for_check(after(23.9), 9) == []
    assert [each.name for each in await files.due_for_check(after(24), 9)] == ["first"]
    assert [each.name for each in await files.due_for_check(after(99), 9)] == ["first", "second"]
    assert len(await files.due_for_check(after(99), 1)) == 1
    await files.check_again(first.file_id, after(48))
    assert [each.name for each in await files.due_for_check(after(47), 9)] == ["second"]


async def upload(files: FileRepository, **fields: Any) -> str:
    stored = await files.save(pieces(b"x"), info(kind=FileKind.UPLOAD, **fields))
    return stored.file_id


async def test_uploads_are_held_for_their_owner_and_for_admins(
    files: FileRepository,
) -> None:
    mine, other = await upload(files), await upload(files, owner="key-2")
    result = await files.save(pieces(b"x"), info(kind=FileKind.RESULT))
    half = info(kind=FileKind.UPLOAD)
    with pytest.raises(LookupError):
        await files.save(broken(b"x"), half)
    asked = [mine, other, result.file_id, half.file_id, "unknown", mine]
    assert set(await files.keep_uploads(asked, NOW, owner="key-1")) == {mine}
    held = await files.keep_uploads(asked, NOW)
    assert set(held) == {mine, other}
    assert (held[mine].size, held[mine].name) == (1, "a.txt")
    assert await files.keep_uploads([], NOW) == {}


async def test_a_held_upload_cannot_be_marked_for_removal_for_a_while(
    files: FileRepository,
) -> None:
    file_id = await upload(files)
    assert not await files.mark_for_removal(file_id, after(23.9))
    assert await files.keep_uploads([file_id], after(23.9), owner="key-1")
    assert not await files.mark_for_removal(file_id, after(35.8))
    assert await files.due_for_check(after(35.8), 9) == []
    assert await files.keep_uploads([file_id], after(25), owner="key-1")  # never shortened
    assert not await files.mark_for_removal(file_id, after(36.9))
    assert await files.mark_for_removal(file_id, after(37))


async def test_an_upload_marked_for_removal_is_not_held_until_its_check_is_postponed(
    files: FileRepository,
) -> None:
    file_id = await upload(files)
    assert await files.mark_for_removal(file_id, after(24))
    assert await files.keep_uploads([file_id], after(24)) == {}
    assert await files.mark_for_removal(
        file_id, after(24)
    )  # the sweeper that marked it before was killed
    (due,) = await files.due_for_check(after(24), 9)
    assert due.file_id == file_id
    await files.check_again(file_id, after(48))
    assert set(await files.keep_uploads([file_id], after(24))) == {file_id}
    assert not await files.mark_for_removal("file-unknown", after(99))


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_the_parts_of_a_file_after_a_crash_are_found_and_removed(
    mongo_url: str, database_name: str, driver: str
) -> None:
    client = CrashingClient(mongo_url, database_name, driver)
    files = MongoFileRepository(client)
    half = info(job_id="job-1")
    with pytest.raises(SystemExit):
        await files.save(pieces(bytes(10)), half)
    assert await client.collection("fs.chunks").count({}) == 1
    assert await files.of_job("job-1", 9) == [half.file_id]
    assert await files.due_for_check(after(24), 9) == [half]
    await files.delete(half.file_id)
    for name in ("files", "fs.files", "fs.chunks"):
        assert await client.collection(name).count({}) == 0
    await client.close()


class CrashingClient(DatabaseClient):
    """A client whose process dies when it writes the document of a complete file."""

    def collection(self, name: str) -> Collection:
        found = super().collection(name)
        if name == "fs.files":
            found.insert_one = self.crash  # type: ignore[method-assign]
        return found

    async def crash(self, document: dict[str, Any]) -> None:
        raise SystemExit("killed")


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_other_programs_can_read_our_files(
    mongo_url: str, database_name: str, driver: str
) -> None:
    client = DatabaseClient(mongo_url, database_name, driver)
    await ensure_indexes(client)
    content = os.urandom(CHUNK_BYTES * (GROUP + 1) + 5)
    stored = await MongoFileRepository(client).save(pieces(content), info(job_id="job-1"))
    await client.close()
    theirs: MongoClient[dict[str, Any]] = MongoClient(mongo_url)
    with theirs:
        found = gridfs.GridFSBucket(theirs[database_name]).open_download_stream(stored.file_id)
        assert (found.read(), found.filename) == (content, "a.txt")
        assert found.metadata is not None
        assert (found.metadata["kind"], found.metadata["job_id"]) == ("file", "job-1")


async def test_the_sizes_of_complete_uploads_are_added_up_by_key(files: FileRepository) -> None:
    for owner, size in (("key-1", 10), ("key-1", 20), ("key-2", 5)):
        upload = info(kind=FileKind.UPLOAD, owner=owner)
        await files.save(pieces(b"x" * size), upload)
    await files.save(pieces(b"x" * 99), info(kind=FileKind.FILE))
    assert await files.upload_bytes() == {"key-1": 30, "key-2": 5}
    assert await files.upload_bytes("key-1") == {"key-1": 30}
    assert await files.upload_bytes("key-3") == {}


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
@pytest.mark.parametrize(
    ("field", "odd"),
    [
        *(("length", odd) for odd in (float("nan"), "10", None)),
        *(("metadata.owner", odd) for odd in (7, None, ["key-1"], {"key": "key-1"})),
    ],
)
async def test_an_upload_of_an_odd_size_or_owner_is_left_out_of_the_sum(
    mongo_url: str, database_name: str, driver: str, field: str, odd: object
) -> None:
    client = DatabaseClient(mongo_url, database_name, driver)
    files = MongoFileRepository(client)
    for size in (10, 20):
        stored = await files.save(pieces(b"x" * size), info(kind=FileKind.UPLOAD))
    change = {"$set": {field: odd}}
    await client.collection("fs.files").update_one({"_id": stored.file_id}, change)
    assert await files.upload_bytes() == {"key-1": 10}
    await client.close()
