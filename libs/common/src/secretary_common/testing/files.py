"""The in-memory repository of files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Collection
from datetime import datetime

from secretary_common.errors import FileTooLarge
from secretary_common.models import FileInfo, FileKind, StoredFile
from secretary_common.models.file import HEAD_BYTES, UNNAMED_KEPT, UPLOAD_KEPT
from secretary_common.ports import FileContent

PIECE_BYTES = 64 * 1024


class InMemoryFileRepository:
    """Files in a dictionary (``ports.FileRepository``)."""

    def __init__(self) -> None:
        self.begun: dict[str, tuple[FileInfo, datetime]] = {}
        """Files that were begun, and the times of their next check."""
        self.whole: dict[str, tuple[StoredFile, bytes]] = {}
        self.condemned: set[str] = set()

    async def save(
        self, content: AsyncIterable[bytes], info: FileInfo, *, max_bytes: int | None = None
    ) -> StoredFile:
        self.begun[info.file_id] = (info, info.created_at + UNNAMED_KEPT)
        taken = bytearray()
        try:
            async for piece in content:
                taken += piece
                if max_bytes is not None and len(taken) > max_bytes:
                    raise FileTooLarge(f"the file has more than {max_bytes} bytes")
        except Exception:  # raised again; the file must not stay half stored
            await self.delete(info.file_id)
            raise
        digest = hashlib.sha256(taken).hexdigest()
        stored = StoredFile(**info.model_dump(), size=len(taken), sha256=digest)
        self.whole[info.file_id] = (stored, bytes(taken))
        return stored

    async def open(self, file_id: str) -> FileContent | None:
        if file_id not in self.whole:
            return None
        stored, content = self.whole[file_id]
        return FileContent(stored, _pieces(content))

    async def head(self, file_id: str) -> bytes:
        return self.whole[file_id][1][:HEAD_BYTES] if file_id in self.whole else b""

    async def delete(self, file_id: str) -> None:
        self.whole.pop(file_id, None)
        self.begun.pop(file_id, None)
        self.condemned.discard(file_id)

    async def of_job(self, job_id: str, limit: int) -> list[str]:
        return [key for key, (info, _) in self.begun.items() if info.job_id == job_id][:limit]

    async def due_for_check(self, now: datetime, limit: int) -> list[FileInfo]:
        order = sorted(self.begun.values(), key=lambda pair: pair[1])
        return [info for info, check_at in order if check_at <= now][:limit]

    async def check_again(self, file_id: str, at: datetime) -> None:
        self.condemned.discard(file_id)
        if file_id in self.begun:
            self.begun[file_id] = (self.begun[file_id][0], at)

    async def mark_for_removal(self, file_id: str, now: datetime) -> bool:
        if file_id not in self.begun or self.begun[file_id][1] > now:
            return False
        self.condemned.add(file_id)
        return True

    async def upload_bytes(self, owner: str | None = None) -> dict[str, int]:
        found: Counter[str] = Counter()
        for stored, _ in self.whole.values():
            if stored.kind is FileKind.UPLOAD and owner in (None, stored.owner):
                found[stored.owner] += stored.size
        return dict(found)

    async def keep_uploads(
        self, file_ids: Collection[str], now: datetime, *, owner: str | None = None
    ) -> dict[str, StoredFile]:
        held = {}
        for file_id in set(file_ids) & self.whole.keys() - self.condemned:
            stored = self.whole[file_id][0]
            if stored.kind is FileKind.UPLOAD and owner in (None, stored.owner):
                info, check_at = self.begun[file_id]
                self.begun[file_id] = (info, max(check_at, now + UPLOAD_KEPT))
                held[file_id] = stored
        return held


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
