"""An upload opens for the jobs that may read it, as a file without a name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from secretary_common.errors import ErrorCode, NotFound, PermanentError, StoreUnavailable
from secretary_common.models import BOOTSTRAP_ID, ApiKey, FileInfo, FileKind
from secretary_common.ports import FileContent
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.files import PIECE_BYTES, InMemoryFileRepository
from secretary_worker.access import upload
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.upload import Uploads

CONTENT = os.urandom(3 * PIECE_BYTES + 7)
MAX_BYTES = len(CONTENT)


class Files(InMemoryFileRepository):
    """Files of which a read may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[type[Exception]] = []

    async def open(self, file_id: str) -> FileContent | None:
        found = await super().open(file_id)
        return found and FileContent(found.stored, self._failing(found.chunks))

    async def _failing(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield await anext(chunks)
        if self.failures:
            raise self.failures.pop(0)
        async for chunk in chunks:
            yield chunk


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
async def uploads(files: Files) -> Uploads:
    keys = InMemoryKeyRepository()
    await keys.insert(ApiKey("boss", "", "", scopes=["admin"]))
    await keys.insert(ApiKey("other", "", ""))
    return Uploads(files, keys, Bridge())


async def stored(files: Files, kind: FileKind = FileKind.UPLOAD) -> str:
    async def content() -> AsyncIterator[bytes]:
        yield CONTENT

    now = datetime(2026, 1, 1, tzinfo=UTC)
    info = FileInfo(kind=kind, owner="mine", name="Bericht.pdf", created_at=now)
    return (await files.save(content(), info)).file_id


@pytest.mark.parametrize("owner", ["mine", "boss", BOOTSTRAP_ID])
async def test_an_upload_opens_for_its_key_and_for_admins(
    files: Files, uploads: Uploads, owner: str
) -> None:
    file_id = await stored(files)
    async with uploads.open(file_id, owner, MAX_BYTES) as file:
        assert (file.name, file.size) == ("Bericht.pdf", len(CONTENT))
        assert os.pread(file.fd, len(CONTENT) + 1, 0) == CONTENT
        assert os.fstat(file.fd).st_nlink == 0  # no kill can leave the file behind
        fd = file.fd
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


async def code_of(uploads: Uploads, file_id: str, owner: str = "mine", **limits: int) -> str:
    with pytest.raises(PermanentError) as caught:
        async with uploads.open(file_id, owner, limits.get("max_bytes", MAX_BYTES)):
            raise AssertionError("it was opened")
    return caught.value.code


@pytest.mark.parametrize("owner", ["other", "unknown", ""])
async def test_an_upload_does_not_open_for_other_keys(
    files: Files, uploads: Uploads, owner: str
) -> None:
    assert await code_of(uploads, await stored(files), owner) == ErrorCode.FILE_NOT_FOUND


@pytest.mark.parametrize("kind", [FileKind.RESULT, FileKind.FILE, FileKind.CACHE])
async def test_a_file_that_is_no_upload_does_not_open(
    files: Files, uploads: Uploads, kind: FileKind
) -> None:
    assert await code_of(uploads, await stored(files, kind)) == ErrorCode.FILE_NOT_FOUND


async def test_an_upload_that_is_gone_is_not_found(files: Files, uploads: Uploads) -> None:
    assert await code_of(uploads, "file-unknown") == ErrorCode.FILE_NOT_FOUND
    file_id = await stored(files)
    files.failures = [NotFound]
    assert await code_of(uploads, file_id) == ErrorCode.FILE_NOT_FOUND


async def test_an_upload_over_the_limit_is_not_copied(files: Files, uploads: Uploads) -> None:
    code = await code_of(uploads, await stored(files), max_bytes=MAX_BYTES - 1)
    assert code == ErrorCode.FILE_TOO_LARGE


async def test_an_upload_is_copied_again_after_an_outage(
    files: Files, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "RETRY_SEC", 0.0)
    file_id = await stored(files)
    files.failures = [StoreUnavailable] * 3
    async with uploads.open(file_id, "mine", MAX_BYTES) as file:
        assert os.pread(file.fd, len(CONTENT) + 1, 0) == CONTENT
    monkeypatch.setattr(upload, "PATIENCE_SEC", 0.0)
    files.failures = [StoreUnavailable]
    with pytest.raises(StoreUnavailable):
        async with uploads.open(file_id, "mine", MAX_BYTES):
            raise AssertionError("it was opened")
