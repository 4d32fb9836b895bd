"""The content of jobs as bytes: large results, files, and all files as one archive."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC

from pydantic_core import to_json

from secretary_common.errors import NotFound
from secretary_common.models import Job, JobFile
from secretary_common.ports import FileContent, FileRepository

# Content that is compressed already: compressing it again costs time and saves nothing.
_COMPRESSED = ("application/gzip", "application/zip", "audio/", "image/", "video/")


@dataclass(frozen=True, slots=True)
class Downloads:
    """Reads the content of jobs; callers check that the client may see the job."""

    files: FileRepository

    async def results_of(self, job: Job) -> AsyncIterator[bytes]:
        """Stream the whole answer with the results of *job*, which are stored in a file.

        Raises:
            NotFound: the file does not exist any more.
        """
        if job.results_file is None:
            raise NotFound(f"the job {job.job_id} has no results in a file")
        found = await self._open(job.results_file.file_id)
        return _enveloped(job, found.chunks)

    async def file_of(self, job: Job, name: str) -> tuple[JobFile, FileContent]:
        """Return the file *name* of *job*.

        Raises:
            NotFound: the job has no file of that name.
        """
        named = next((file for file in job.files if file.name == name), None)
        if named is None:
            raise NotFound(f"the job {job.job_id} has no file {name[:100]}")
        return named, await self._open(named.file_id)

    async def archive_of(self, job: Job) -> AsyncIterator[bytes]:
        """Stream a zip of all files of *job*; the zip is made while the client reads."""
        buffer = _ZipBuffer()
        at = (job.completed_at or job.updated_at).astimezone(UTC)
        with zipfile.ZipFile(buffer, "w") as archive:
            for file in job.files:
                found = await self._open(file.file_id)
                info = zipfile.ZipInfo(file.name, at.timetuple()[:6])
                # By the size ``zipfile`` chooses the format, which differs above 4 GiB.
                info.file_size = file.size
                compressed = file.content_type.startswith(_COMPRESSED)
                info.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
                with archive.open(info, "w") as entry:
                    async for chunk in found.chunks:
                        await asyncio.to_thread(entry.write, chunk)
                        yield buffer.drain()
        yield buffer.drain()

    async def _open(self, file_id: str) -> FileContent:
        found = await self.files.open(file_id)
        if found is None:
            raise NotFound(f"the file {file_id} does not exist any more")
        return found


class _ZipBuffer:
    """The target of a zip. It cannot seek, so ``zipfile`` writes a zip for streaming."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes, /) -> int:
        """Keep *part* until the next ``drain``."""
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Do nothing: no further buffer exists."""

    def close(self) -> None:
        """Do nothing: ``drain`` still returns the last bytes."""

    def drain(self) -> bytes:
        """Return the bytes that were written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def _enveloped(job: Job, results: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the JSON of a ``ResultsView`` with *results*, which are JSON already, inserted."""
    known = to_json({"job_id": job.job_id, "status": job.status})
    yield b'{"status":"success","data":' + known.removesuffix(b"}") + b',"results":'
    async for piece in results:
        yield piece
    yield b"}}"
