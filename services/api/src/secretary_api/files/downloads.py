"""What a job left, as bytes: large results, files, all files as one archive."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC

from pydantic_core import to_json

from secretary_common.errors import NotFound
from secretary_common.models import Job, JobFile
from secretary_common.ports import FileRepository, OpenFile

# What is compressed by its nature; doing it again costs time and saves nothing.
_COMPRESSED = ("application/gzip", "application/zip", "audio/", "image/", "video/")


@dataclass(frozen=True, slots=True)
class JobContent:
    """The contents of jobs that somebody may see."""

    files: FileRepository

    async def results_of(self, job: Job) -> AsyncIterator[bytes]:
        """The whole answer with the results of *job* that lie in a file; none of it is kept here.

        Raises:
            NotFound: they are not there any more.
        """
        if job.results_file is None:
            raise NotFound(f"the job {job.job_id} has no results of its own address")
        found = await self._open(job.results_file.file_id)
        return _enveloped(job, found.chunks)

    async def file_of(self, job: Job, name: str) -> tuple[JobFile, OpenFile]:
        """The file *name* of *job*.

        Raises:
            NotFound: it has none of that name.
        """
        named = next((file for file in job.files if file.name == name), None)
        if named is None:
            raise NotFound(f"the job {job.job_id} has no file {name[:100]}")
        return named, await self._open(named.file_id)

    async def archive_of(self, job: Job) -> AsyncIterator[bytes]:
        """A zip of all files of *job*, made while it is read."""
        sink = _Sink()
        at = (job.completed_at or job.updated_at).astimezone(UTC)
        with zipfile.ZipFile(sink, "w") as archive:
            for file in job.files:
                found = await self._open(file.file_id)
                info = zipfile.ZipInfo(file.name, at.timetuple()[:6])
                info.file_size = file.size  # tells whether it needs the format for over 4 GiB
                compressed = file.content_type.startswith(_COMPRESSED)
                info.compress_type = zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED
                with archive.open(info, "w") as entry:
                    async for chunk in found.chunks:
                        await asyncio.to_thread(entry.write, chunk)
                        yield sink.taken()
        yield sink.taken()

    async def _open(self, file_id: str) -> OpenFile:
        found = await self.files.open(file_id)
        if found is None:
            raise NotFound(f"the file {file_id} is not there any more")
        return found


class _Sink:
    """What a zip is written to: it cannot seek, so the zip is made for streaming."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes, /) -> int:
        """Keep *part* until it is taken."""
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """There is nothing behind it."""

    def close(self) -> None:
        """What was written can still be taken."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def _enveloped(job: Job, results: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The answer a ``ResultsView`` would give, with *results*, which are JSON, put in its place."""
    known = to_json({"job_id": job.job_id, "status": job.status})
    yield b'{"status":"success","data":' + known.removesuffix(b"}") + b',"results":'
    async for piece in results:
        yield piece
    yield b"}}"
