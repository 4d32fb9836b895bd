"""Writes the results and files of completed jobs to the place of a store that the job names.

The files come first and the results last. So a reader that finds the results finds all files. Each
object carries the number of its attempt (``common/s3/upload.py``): an attempt that has lost its job
never replaces what a later attempt has written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.http.object_address import Place
from secretary_common.models import Job, JobFile
from secretary_common.ports import FileRepository
from secretary_common.runtime.log import get_logger
from secretary_common.s3.buckets import Buckets, parse_place
from secretary_common.s3.connection import StoreConnection, unavailable
from secretary_common.s3.upload import Content, NewObject, Upload
from secretary_worker.access.objects import OpenStoreClient
from secretary_worker.attempt.commands import Results

log = get_logger(__name__)

RESULTS = "results.json"
FILES = "files"


@dataclass(frozen=True, slots=True)
class TargetWriter:
    """Writes to the targets of jobs, on the engine's loop. One instance serves all attempts."""

    files: FileRepository
    buckets: Buckets
    open_client: OpenStoreClient
    deadline_sec: float
    """The longest time for the results and files of one job."""

    async def __call__(self, job: Job, results: Results | None, files: Sequence[JobFile]) -> None:
        """Write *results* and *files* to the target of *job*, if it has one.

        Raises:
            PermanentError: S3_…, the target cannot be written.
            TransientError: S3_UNAVAILABLE, a later attempt may write it.
            StoreUnavailable: MongoDB does not answer.
        """
        if job.target is None:
            return
        place = parse_place(job.target)
        section = self.buckets.connection(place, job.owner, job.s3_places)
        connection = StoreConnection(section, lambda: self.open_client(section))
        try:
            async with asyncio.timeout(self.deadline_sec), connection.client() as client:
                for new in self._objects(job, place, results, files):
                    await Upload(connection, client, new, writer=job.attempt).run()
        except TimeoutError:
            raise unavailable(f"the target was not written in {self.deadline_sec:g} s") from None
        log.info("target.written", bucket=place.bucket, files=len(files))

    def _objects(
        self, job: Job, place: Place, results: Results | None, files: Sequence[JobFile]
    ) -> Iterator[NewObject]:
        try:
            for file in files:
                yield NewObject(
                    place.object(job.job_id, FILES, file.name),
                    self._content(file),
                    file.content_type,
                    file.size,
                    file.sha256,
                )
            if results is not None:
                address = place.object(job.job_id, RESULTS)
                yield NewObject(address, results.pieces, "application/json")
        except ValueError as error:
            raise PermanentError(f"target: {error}", code=ErrorCode.S3_ADDRESS_INVALID) from None

    def _content(self, file: JobFile) -> Content:
        async def pieces() -> AsyncIterator[bytes]:
            found = await self.files.open(file.file_id)
            if found is None:
                raise TransientError(f"the file {file.name} was removed while it was written")
            async for chunk in found.chunks:
                yield chunk

        return pieces
