"""Stores an attempt's files, and its results if they are large or awaited.

The store keeps these files under the attempt. Clients cannot read a file until the settlement names
it. The sweeper removes a file that no settlement names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from secretary_common.errors import PermanentError
from secretary_common.models import FileInfo, FileKind, Job, JobFile, ResultsFile
from secretary_common.ports import FileRepository
from secretary_common.runtime.clock import Clock
from secretary_worker.attempt.commands import Results, StoreFile

WriteToTarget = Callable[[Job, Results | None, Sequence[JobFile]], Awaitable[None]]
"""Writes the results and the stored files of a job to its target, if the job has one.

Raises:
    PermanentError, TransientError: the target was not written.
    StoreUnavailable: MongoDB does not answer.
"""
MAX_FILES = 1000
"""The most files of a job. There is a limit because the job document lists all of them."""


class AttemptFiles:
    """The files and results of one attempt."""

    def __init__(
        self, job: Job, files: FileRepository, clock: Clock, *, max_file_bytes: int
    ) -> None:
        self._job = job
        self._files = files
        self._clock = clock
        self._max_file_bytes = max_file_bytes
        self._storing = asyncio.Lock()
        self._stored_results: tuple[Results, ResultsFile] | None = None
        self._latest: dict[str, StoreFile] = {}
        self._stored: dict[str, JobFile] = {}
        self.results: Results | None = None
        """The latest results."""

    @property
    def files(self) -> tuple[JobFile, ...]:
        """The stored files, ordered by the first use of their names."""
        return tuple(self._stored[name] for name in self._latest if name in self._stored)

    @property
    def large_results(self) -> Results | None:
        """The latest results, if they are too large for the job document."""
        return self.results if self.results and self.results.value is None else None

    @property
    def results_file(self) -> ResultsFile | None:
        """The file of the latest results; None if the job document has room for the results."""
        if self.large_results is None or self._stored_results is None:
            return None
        results, file = self._stored_results
        return file if results is self.results else None

    async def store_results(self, results: Results) -> ResultsFile:
        """Store *results* under this attempt and return their file.

        A second call with the same results stores nothing. The file of earlier results is deleted.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        async with self._storing:
            if self._stored_results and self._stored_results[0] is results:
                return self._stored_results[1]
            info = self._info(FileKind.RESULT, "results.json")
            stored = await self._files.save(results.pieces(), info)
            replaced = self._stored_results
            file = ResultsFile(file_id=stored.file_id, size=stored.size)
            self._stored_results = (results, file)
            if replaced:
                await self._files.delete(replaced[1].file_id)
            return file

    def drop_results(self) -> None:
        """Release the memory of the results. Call this when the attempt is over."""
        self.results = self._stored_results = None

    def reserve_name(self, file: StoreFile) -> None:
        """Reserve the name of *file*, which replaces an earlier file of the same name.

        Raises:
            PermanentError: the job has too many files.
        """
        if file.name not in self._latest and len(self._latest) >= MAX_FILES:
            raise PermanentError(f"a job may have at most {MAX_FILES} files")
        self._latest[file.name] = file

    async def store(self, file: StoreFile) -> None:
        """Store *file*, for which ``reserve_name`` was called.

        Raises:
            FileTooLarge: the file is over the limit.
            StoreUnavailable: safe to repeat.
        """
        info = self._info(FileKind.FILE, file.name)
        stored = await self._files.save(file.pieces(), info, max_bytes=self._max_file_bytes)
        if self._latest[file.name] is file:
            self._stored[file.name] = JobFile(
                name=file.name,
                file_id=stored.file_id,
                size=stored.size,
                sha256=stored.sha256,
                content_type=file.content_type,
            )

    def _info(self, kind: FileKind, name: str) -> FileInfo:
        return FileInfo(
            kind=kind,
            owner=self._job.owner,
            name=name,
            created_at=self._clock.now(),
            job_id=self._job.job_id,
            attempt=self._job.attempt,
        )
