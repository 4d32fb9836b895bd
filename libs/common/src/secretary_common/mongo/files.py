"""Files in MongoDB, in the format of GridFS: any driver and ``mongofiles`` can read them.

The upload streams of the drivers collect 48 MB and write them in one operation. Here each write and
each read is a few MiB under its own deadline, and a slow reader keeps no cursor open.

GridFS writes a file's document last, so a reader never sees half a file. Secretary's own document
in ``files`` is written first and removed last: it records that a file was begun. In ``files`` the
sweeper finds files that no document names, and files that a crash left incomplete.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable
from datetime import datetime

from pymongo import ASCENDING

from secretary_common.errors import FileTooLarge, NotFound, SecretaryError, StoreUnavailable
from secretary_common.models import FileInfo, FileKind, StoredFile
from secretary_common.models.file import HEAD_BYTES, UNNAMED_KEPT, UPLOAD_KEPT
from secretary_common.mongo.driver.client import DatabaseClient
from secretary_common.mongo.driver.collection import Document
from secretary_common.mongo.stored.reader import Reader, newer_word
from secretary_common.mongo.stored.shape import EARLIEST
from secretary_common.ports import FileContent

CHUNK_BYTES = 255 * 1024
"""The default of GridFS: a chunk with its document stays below 256 KiB."""
GROUP = 16
"""The number of chunks in one write or read: 4 MiB."""
PARALLEL_GROUPS = 4
"""The number of such groups that this process writes or reads at a time.

Jobs and files share connections and threads. The small reads and writes of jobs must not wait
behind many files.
"""

_BEGUN: Reader[FileInfo] = Reader("files", FileInfo, id_field="file_id", always=("file_id",))
_WHOLE: Reader[StoredFile] = Reader("fs.files", StoredFile, id_field="file_id")
_NOT_NEWER: Document = {"$nor": [newer_word("kind", [kind.value for kind in FileKind])]}
"""Excludes files whose kind only a newer version knows; this version leaves them alone."""


class MongoFileRepository:
    """Files in GridFS (``ports.FileRepository``)."""

    def __init__(self, client: DatabaseClient) -> None:
        self._begun = client.collection("files")
        self._whole = client.collection("fs.files")
        self._chunks = client.collection("fs.chunks")
        self._groups = asyncio.Semaphore(PARALLEL_GROUPS)

    async def save(
        self, content: AsyncIterable[bytes], info: FileInfo, *, max_bytes: int | None = None
    ) -> StoredFile:
        document = info.model_dump(exclude_none=True)
        begun = {"_id": document.pop("file_id"), **document}
        await self._begun.insert_one(begun | {"check_at": info.created_at + UNNAMED_KEPT})
        try:
            stored = await self._store(content, info, max_bytes)
            await self._whole.insert_one(_to_document(stored))
        except StoreUnavailable:
            raise  # a removal would fail too; the sweeper removes the parts
        except Exception:  # raised again; the file must not stay half stored
            with contextlib.suppress(StoreUnavailable):
                await self.delete(info.file_id)
            raise
        return stored

    async def open(self, file_id: str) -> FileContent | None:
        found = await self._whole.find_one({"_id": file_id})
        stored = next(iter(_to_files([found] if found else [])), None)
        if stored is None:
            return None
        return FileContent(stored, self._read(stored))

    async def head(self, file_id: str) -> bytes:
        if await self._whole.find_one({"_id": file_id}, projection=["_id"]) is None:
            return b""
        first = await self._chunks.find_one({"files_id": file_id, "n": 0})
        return bytes(first["data"][:HEAD_BYTES]) if first else b""

    async def delete(self, file_id: str) -> None:
        await self._whole.delete_many({"_id": file_id})
        await self._chunks.delete_many({"files_id": file_id})
        await self._begun.delete_many({"_id": file_id})

    async def of_job(self, job_id: str, limit: int) -> list[str]:
        found = await self._begun.find({"job_id": job_id}, projection=["_id"], limit=limit)
        return [document["_id"] for document in found]

    async def due_for_check(self, now: datetime, limit: int) -> list[FileInfo]:
        found = await self._begun.find(
            {"check_at": {"$gte": EARLIEST, "$lte": now}, **_NOT_NEWER},
            sort=[("check_at", ASCENDING)],
            limit=limit,
        )
        due = _BEGUN.all(found)
        if len(due) < len(found):  # the unreadable files must not fill each *limit*
            odd = {str(one["_id"]): one for one in found}
            for file in due:
                odd.pop(file.file_id)
            ids = [one["_id"] for one in odd.values()]
            change = {"$set": {"check_at": now + UNNAMED_KEPT}}
            await self._begun.update_many({"_id": {"$in": ids}}, change)
        return due

    async def check_again(self, file_id: str, at: datetime) -> None:
        change = {"$set": {"check_at": at}, "$unset": {"condemned": ""}}
        await self._begun.update_one({"_id": file_id}, change)

    async def mark_for_removal(self, file_id: str, now: datetime) -> bool:
        due = {"_id": file_id, "check_at": {"$lte": now}}
        return await self._begun.update_one(due, {"$set": {"condemned": True}}) == 1

    async def upload_bytes(self, owner: str | None = None) -> dict[str, int]:
        # A document of an odd size would make the total of all others NaN.
        sized: Document = {"length": {"$type": ["int", "long"]}}
        uploads: Document = {"metadata.kind": FileKind.UPLOAD.value, **sized}
        theirs: Document = {"metadata.owner": owner if owner is not None else {"$type": "string"}}
        total = {"_id": "$metadata.owner", "bytes": {"$sum": "$length"}}
        found = await self._whole.aggregate([{"$match": uploads | theirs}, {"$group": total}])
        return {one["_id"]: int(one["bytes"]) for one in found if isinstance(one["_id"], str)}

    async def keep_uploads(
        self, file_ids: Collection[str], now: datetime, *, owner: str | None = None
    ) -> dict[str, StoredFile]:
        wanted = {"_id": {"$in": sorted(set(file_ids))}, "kind": FileKind.UPLOAD, **_held()}
        if owner is not None:
            wanted["owner"] = owner
        found = await self._begun.find(wanted, projection=["check_at"])
        until = now + UPLOAD_KEPT
        if soon := [one["_id"] for one in found if _is_due_before(until, one.get("check_at"))]:
            those = {"_id": {"$in": soon}, **_held()}
            await self._begun.update_many(those, {"$max": {"check_at": until}})
            found = await self._begun.find(
                wanted, projection=["_id"]
            )  # the sweeper may have marked one
        whole = await self._whole.find({"_id": {"$in": [one["_id"] for one in found]}})
        return {file.file_id: file for file in _to_files(whole)}

    async def _store(
        self, content: AsyncIterable[bytes], info: FileInfo, max_bytes: int | None
    ) -> StoredFile:
        """Write the chunks; the file does not exist yet."""
        size, digest, group = 0, hashlib.sha256(), list[Document]()
        number = 0
        async for chunk in _chunked(content):
            size += len(chunk)
            if max_bytes is not None and size > max_bytes:
                raise FileTooLarge(f"the file has more than {max_bytes} bytes")
            digest.update(chunk)
            group.append({"files_id": info.file_id, "n": number, "data": chunk})
            number += 1
            if len(group) == GROUP:
                await self._write(group)
                group = []
        if group:
            await self._write(group)
        return StoredFile(**info.model_dump(), size=size, sha256=digest.hexdigest())

    async def _write(self, group: list[Document]) -> None:
        async with self._groups:
            await self._chunks.insert_many(group)

    async def _read(self, stored: StoredFile) -> AsyncIterator[bytes]:
        number, left = 0, stored.size
        while left > 0:
            async with self._groups:
                found = await self._chunks.find(
                    {"files_id": stored.file_id, "n": {"$gte": number}},
                    sort=[("n", ASCENDING)],
                    limit=GROUP,
                )
            if not found:
                raise NotFound(f"the file {stored.file_id} is being removed")
            for document in found:
                if document["n"] != number:
                    raise SecretaryError(f"the file {stored.file_id} lacks its chunk {number}")
                number += 1
                left -= len(document["data"])
                yield document["data"]


async def _chunked(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield *content* in pieces of ``CHUNK_BYTES``; the last one may be shorter."""
    waiting = bytearray()
    async for piece in content:
        waiting += piece
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)


def _to_document(stored: StoredFile) -> Document:
    """Return the GridFS document of *stored*; ``metadata`` holds Secretary's own fields."""
    metadata = stored.model_dump(
        exclude={"file_id", "name", "created_at", "size"}, exclude_none=True
    )
    return {
        "_id": stored.file_id,
        "length": stored.size,
        "chunkSize": CHUNK_BYTES,
        "uploadDate": stored.created_at,
        "filename": stored.name,
        "metadata": metadata,
    }


def _to_files(documents: Iterable[Document]) -> list[StoredFile]:
    """Return the files of GridFS documents; a file whose document cannot be read is left out."""
    return _WHOLE.all(
        {
            **(document["metadata"] if isinstance(document.get("metadata"), dict) else {}),
            "_id": document["_id"],
            "name": document.get("filename"),
            "created_at": document.get("uploadDate"),
            "size": document.get("length"),
        }
        for document in documents
    )


def _is_due_before(moment: datetime, check_at: object) -> bool:
    return isinstance(check_at, datetime) and check_at < moment


def _held() -> Document:
    """Match files that jobs may still name."""
    return {"condemned": None}
